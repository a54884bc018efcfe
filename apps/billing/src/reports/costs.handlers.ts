import { Injectable } from '@nestjs/common';
import { costsQuery } from '#libs/contracts';
import type { HandlerGroup, OrganizationHandler } from '../organization/handler-group.js';
import { readCosts } from './costs-report.js';

/** `GET /v1/organization/costs`. */
@Injectable()
export class CostsHandlers implements HandlerGroup {
  readonly handlers: Readonly<Record<string, OrganizationHandler>> = {
    'costs.list': ({ manager, organizationId, query }) =>
      readCosts({ manager, organizationId, nowMs: Date.now() }, costsQuery.parse(query)),
  };
}
