import { z } from 'zod';
import { repeated } from './fields.js';
import { integerText, objectId } from './paging.js';
import { defineOrganizationRoute, type OrganizationRoute } from './route.js';

const unixSeconds = integerText(0, 9_999_999_999).optional();

/** Query of `audit_logs.list`, under the names that the SDKs send. */
export const auditLogListQuery = z
  .strictObject({
    limit: integerText(1, 100).default(20),
    after: objectId.optional(),
    /** The page before this id; the newest comes first all the same. */
    before: objectId.optional(),
    'event_types[]': repeated(z.string('is no event type').regex(/^[a-z0-9_.]{1,64}$/, 'is no event type')).optional(),
    'project_ids[]': repeated(objectId).optional(),
    'actor_ids[]': repeated(objectId).optional(),
    'effective_at[gt]': unixSeconds,
    'effective_at[gte]': unixSeconds,
    'effective_at[lt]': unixSeconds,
    'effective_at[lte]': unixSeconds,
  })
  .refine((query) => query.after === undefined || query.before === undefined, {
    path: ['before'],
    message: 'excludes `after`: send one of them',
  });
export type AuditLogListQuery = z.infer<typeof auditLogListQuery>;

/** As OpenAI's `AuditLog`; what happened stands under the name of its type. */
export interface AuditLogObject {
  readonly id: string;
  readonly type: string;
  /** Unix seconds. */
  readonly effective_at: number;
  readonly actor: { readonly type: 'api_key'; readonly api_key: { readonly id: string; readonly type: 'user' } };
  readonly project?: { readonly id: string; readonly name: string };
  readonly [type: string]: unknown;
}

/** Who changed what. */
export const auditLogRoutes: readonly OrganizationRoute[] = [
  defineOrganizationRoute({
    id: 'audit_logs.list',
    method: 'GET',
    path: '/v1/organization/audit_logs',
    access: 'admin',
    query: auditLogListQuery,
    summary: 'List what was changed, and by which key.',
  }),
];
