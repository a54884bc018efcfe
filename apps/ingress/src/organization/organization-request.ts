import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { GatewayError, objectId, type OrganizationCallHead, type OrganizationRoute } from '#libs/contracts';
import { paramOf } from '../inference/request-validation.js';
import { readJson } from '../json/read-json.js';

type Values = Record<string, unknown>;

const nothing = z.strictObject({});
const longestNameShown = 64;

/** What is wished of a route, checked; throws a `GatewayError`. */
export function readOrganizationRequest(
  route: OrganizationRoute,
  request: FastifyRequest,
): Pick<OrganizationCallHead, 'params' | 'query' | 'body'> {
  return {
    params: readParams(request.params as Record<string, string>),
    query: check(route.query ?? nothing, request.query as Values),
    body: check(route.body ?? nothing, readBody(route, request)),
  };
}

/** What cannot be an id names nothing, whatever it was meant to do. */
function readParams(params: Record<string, string>): Record<string, string> {
  for (const id of Object.values(params)) {
    if (!objectId.safeParse(id).success) {
      throw new GatewayError('not_found', 'There is no such object. Ids have letters, digits, `_` and `-` only.');
    }
  }
  return { ...params };
}

function readBody(route: OrganizationRoute, { body, raw }: FastifyRequest): Values {
  if (route.method !== 'POST') {
    const hasBody = raw.headers['transfer-encoding'] !== undefined || Number(raw.headers['content-length'] ?? 0) > 0;
    if (hasBody) throw new GatewayError('bad_request', `Send no body with ${route.method}.`);
    return {};
  }
  // `curl -X POST` without a body: what the route needs of one is told by name.
  if (!Buffer.isBuffer(body) || body.length === 0) return {};
  return readJson(body).value;
}

function check(schema: z.ZodType, values: Values): Values {
  // As a name of its own it would be lost on the first copy.
  if (Object.hasOwn(values, '__proto__')) throw unknown('__proto__');
  const result = schema.safeParse(values);
  if (result.success) return result.data as Values;
  const { issues } = result.error;
  const stranger = issues.find((issue) => issue.code === 'unrecognized_keys');
  if (stranger) throw unknown(paramOf([...stranger.path, stranger.keys[0] ?? '']));
  throw problemOf(issues[0], values);
}

function unknown(name: string): GatewayError {
  const param = name.slice(0, longestNameShown);
  return new GatewayError('unknown_parameter', `Unknown parameter: \`${param}\`. Leave it out.`, { param });
}

function problemOf(issue: z.core.$ZodIssue | undefined, values: Values): GatewayError {
  const param = paramOf(issue?.path ?? []).slice(0, longestNameShown);
  const place = param === '' ? {} : { param };
  if (issue && param !== '' && isMissing(issue.path, values)) {
    return new GatewayError('missing_required_parameter', `Missing required parameter: \`${param}\`.`, place);
  }
  return new GatewayError('invalid_value', `Invalid \`${param || 'request'}\`: ${messageOf(issue)}.`, place);
}

function isMissing(path: readonly PropertyKey[], values: Values): boolean {
  // Lists come as `name[]` in a query.
  if (Object.hasOwn(values, `${String(path[0])}[]`)) return false;
  let at: unknown = values;
  for (const step of path) at = typeof at === 'object' && at !== null ? (at as Values)[String(step)] : null;
  return at === undefined;
}

function messageOf(issue: z.core.$ZodIssue | undefined): string {
  // Of several forms, the first is the one that people write.
  if (issue?.code === 'invalid_union') return issue.errors[0]?.[0]?.message ?? issue.message;
  return issue?.message ?? 'it is not valid';
}
