import { Injectable } from '@nestjs/common';
import { usageKinds, usageQueryOf } from '#libs/contracts';
import type { HandlerGroup, OrganizationHandler } from '../organization/handler-group.js';
import { readUsage } from './usage-report.js';

/** `GET /v1/organization/usage/<kind>`, one handler per kind. */
@Injectable()
export class UsageHandlers implements HandlerGroup {
  readonly handlers: Readonly<Record<string, OrganizationHandler>> = Object.fromEntries(
    usageKinds.map((kind) => {
      const schema = usageQueryOf(kind);
      const handler: OrganizationHandler = ({ manager, organizationId, query }) =>
        readUsage({ manager, organizationId, nowMs: Date.now() }, kind, schema.parse(query));
      return [`usage.${kind.id}`, handler];
    }),
  );
}
