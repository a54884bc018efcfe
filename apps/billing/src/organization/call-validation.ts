import type { z } from 'zod';
import {
  type ErrorCode,
  GatewayError,
  objectId,
  type OrganizationCallHead,
  type OrganizationRoute,
} from '#libs/contracts';

type Parameters = Readonly<Record<string, unknown>>;

/** What a handler gets: nothing that its route does not know. */
export interface CheckedParameters {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Parameters;
  readonly body: Parameters;
}

/** Ingress has checked all this before; here is where the money is, so it is not taken on trust. */
export function checkParameters(route: OrganizationRoute, head: OrganizationCallHead): CheckedParameters {
  for (const id of Object.values(head.params)) {
    // What cannot be an id does not exist; Postgres would stumble over some of it.
    if (!objectId.safeParse(id).success) throw noSuchObject();
  }
  return { params: head.params, query: checked(route.query, head.query), body: checked(route.body, head.body) };
}

function checked(schema: z.ZodType | undefined, given: Parameters): Parameters {
  if (!schema) {
    const [name] = Object.keys(given);
    if (name !== undefined) throw unknownParameter(name);
    return {};
  }
  const result = schema.safeParse(given);
  if (result.success) return result.data as Parameters;
  const [issue] = result.error.issues;
  throw issue ? problemOf(issue, given) : new GatewayError('bad_request', 'The request is not valid.');
}

function problemOf(issue: z.core.$ZodIssue, given: Parameters): GatewayError {
  if (issue.code === 'unrecognized_keys') return unknownParameter(paramOf([...issue.path, issue.keys[0] ?? '']));
  const param = paramOf(issue.path);
  // A rule about the whole: it names the parameters itself.
  if (param === '') return new GatewayError('missing_required_parameter', `The request ${issue.message}.`);
  const isMissing = valueAt(given, issue.path) === undefined;
  const code: ErrorCode = isMissing ? 'missing_required_parameter' : 'invalid_value';
  const message = isMissing ? `Missing required parameter: \`${param}\`.` : `Invalid \`${param}\`: ${issue.message}.`;
  return new GatewayError(code, message, { param });
}

/** `['models', 3]` → `models[3]`. */
function paramOf(path: readonly PropertyKey[]): string {
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`));
  return steps.join('').replace(/^\./, '');
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  let value = given;
  for (const step of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

function unknownParameter(param: string): GatewayError {
  const message = `Unknown parameter: \`${param.slice(0, 100)}\`. Remove it; GET /openapi.json lists what is known.`;
  return new GatewayError('unknown_parameter', message, { param: param.slice(0, 100) });
}

/** Of another organization or of none: the same answer, so that ids cannot be probed. */
export function noSuchObject(what = 'object', param?: string): GatewayError {
  const message = `There is no such ${what} in this organization. Check the id, or list them.`;
  return new GatewayError('not_found', message, param === undefined ? {} : { param });
}
