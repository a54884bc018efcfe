import type { z } from 'zod';
import { type ErrorCode, errorTable, GatewayError } from '#libs/contracts';

/** What every endpoint's schema yields. */
export interface ValidRequest {
  readonly model: string;
  readonly stream?: boolean | null | undefined;
}

/** Checks a request against its endpoint's schema; the first problem is thrown, with its place in OpenAI's notation. */
export function validate<Valid extends ValidRequest>(schema: z.ZodType<Valid>, value: Record<string, unknown>): Valid {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw issue ? problemOf(issue, value) : new GatewayError('bad_request', 'The request body is not valid.');
}

function problemOf(issue: z.core.$ZodIssue, value: Record<string, unknown>): GatewayError {
  const param = paramOf(issue.path);
  const code = codeOf(issue, value);
  if (code === 'missing_required_parameter') {
    return new GatewayError(code, `Missing required parameter: \`${param}\` ${issue.message}.`, { param });
  }
  return new GatewayError(code, `Invalid \`${param}\`: ${issue.message}.`, { param });
}

/** `model` and `stream` are of every endpoint; what else is wrong is a wrong value, unless its check says otherwise. */
function codeOf(issue: z.core.$ZodIssue, value: Record<string, unknown>): ErrorCode {
  const said: unknown = issue.code === 'custom' ? issue.params?.['code'] : undefined;
  if (typeof said === 'string' && Object.hasOwn(errorTable, said)) return said as ErrorCode;
  const [name] = issue.path;
  if (issue.path.length > 1 || (name !== 'model' && name !== 'stream')) return 'invalid_value';
  const given = value[name];
  return given === undefined || given === null || given === '' ? 'missing_required_parameter' : 'invalid_type';
}

/** `['messages', 3, 'role']` → `messages[3].role`. */
export function paramOf(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
}
