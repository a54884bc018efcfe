import type { Upstream } from '../upstream.js';
import { withoutPrivate } from './private-text.js';

/** Whom a failed call was made to, and by which names. */
export interface FailureContext {
  readonly upstream: Upstream;
  /** The id that the caller asked for. */
  readonly model: string;
  readonly upstreamModel: string;
}

/** An upstream's error, reduced to what may be told: four short texts without our credential. */
export interface ReportedError {
  readonly message: string;
  readonly type: string | null;
  readonly param: string | null;
  readonly code: string | null;
}

const maxMessageLength = 1000;
const maxFieldLength = 100;
/** A longer body is a page, not an error object. */
const maxErrorBytes = 64 * 1024;

/**
 * The error in a body, in the shapes that OpenAI-compatible servers use: `{error: {…}}`, `{error: "…"}`, `[{error: {…}}]`
 * (Gemini), `{message, type, code}` (Mistral), `{detail: "…" | [{msg, loc}]}` (FastAPI). Undefined when it is none.
 */
export function readErrorObject(body: Buffer, context: FailureContext): ReportedError | undefined {
  if (body.length === 0 || body.length > maxErrorBytes) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString());
  } catch {
    return undefined;
  }
  const first = Array.isArray(parsed) ? (parsed as unknown[])[0] : parsed;
  const outer = asRecord(first);
  if (!outer) return undefined;
  const inner = asRecord(outer['error']) ?? outer;
  const message = messageOf(inner) ?? (typeof outer['error'] === 'string' ? outer['error'] : detailOf(outer['detail']));
  if (message === undefined) return undefined;
  return {
    message: told(message, context, maxMessageLength),
    type: fieldOf(inner['type'] ?? inner['status'], context),
    param: fieldOf(inner['param'], context),
    code: fieldOf(inner['code'], context),
  };
}

function messageOf(record: Record<string, unknown>): string | undefined {
  return typeof record['message'] === 'string' && record['message'] !== '' ? record['message'] : undefined;
}

function detailOf(detail: unknown): string | undefined {
  if (typeof detail === 'string') return detail;
  const first = Array.isArray(detail) ? asRecord(detail[0]) : undefined;
  if (typeof first?.['msg'] !== 'string') return undefined;
  const place = Array.isArray(first['loc']) ? first['loc'].filter((part) => part !== 'body').join('.') : '';
  return place === '' ? first['msg'] : `${place}: ${first['msg']}`;
}

function fieldOf(value: unknown, context: FailureContext): string | null {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? told(value, context, maxFieldLength) : null;
}

/** One line, short, without our credential or what is behind the provider's door, and with the model named as the caller knows it. */
function told(text: string, { upstream, model, upstreamModel }: FailureContext, maxLength: number): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is to be removed
  const line = withoutPrivate(upstream.scrub(text.slice(0, 8192).replaceAll(/[\u0000-\u001f\u007f]+/g, ' ')));
  const named = upstreamModel.length > 3 && upstreamModel !== model ? line.replaceAll(upstreamModel, model) : line;
  return named.length > maxLength ? `${named.slice(0, maxLength - 1)}…` : named;
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
