import { z } from 'zod';
import { callerSchema } from '../caller.js';

/** One operation of the management API; OpenAI's own where it has one (OpenAI API reference, "Administration"). */
export interface OrganizationRoute {
  /** The one name everywhere: handler, span, audit log: `projects.create`. */
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With Fastify parameters: `/v1/organization/projects/:project_id`. */
  readonly path: string;
  /** `operator`: only whoever runs this gateway, for the organization that the `OpenAI-Organization` header names. */
  readonly access: 'admin' | 'operator';
  /** Strict: an unknown parameter is an error, never a silently ignored wish. */
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** One line for the OpenAPI page. */
  readonly summary: string;
  /** Status of a good answer; 200 when absent. */
  readonly status?: number;
}

/** Types a route plainly, so that a misspelt key is an error. */
export function defineOrganizationRoute(route: OrganizationRoute): OrganizationRoute {
  return route;
}

/** Head of the call on `organizationSubject`: a request that ingress has authenticated and validated. */
export const organizationCallHead = z.object({
  routeId: z.string(),
  requestId: z.string(),
  caller: callerSchema,
  /** Whose data: the caller's own organization, or the one an operator named. */
  organizationId: z.string(),
  params: z.record(z.string(), z.string()),
  query: z.record(z.string(), z.unknown()),
  body: z.record(z.string(), z.unknown()),
});
export type OrganizationCallHead = z.infer<typeof organizationCallHead>;

/** Served by billing: the management API. The reply's head has the status, its data is the JSON body. */
export const organizationSubject = 'call.v1.billing.organization';
