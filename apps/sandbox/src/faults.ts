import { type Delivery, eventStream } from './delivery.js';
import { type SandboxModel, usualDelayMs, usualLimits } from './models.js';
import { WireError, type WireErrorBody } from './wire-error.js';

/** What a fault may look at. */
export interface FaultCall {
  /** The how-manieth call to this model in this process, from 1. */
  readonly callNumber: number;
  readonly retryAfter: string | undefined;
}

/** A model that misbehaves. `docs/sandbox.md` holds the same table. */
export interface Fault {
  readonly id: string;
  readonly description: string;
  /** Refuses the call in place of an answer. */
  readonly refuse?: (call: FaultCall) => WireError | undefined;
  /** Changes how the good answer travels. */
  readonly bend?: (good: Delivery) => Delivery;
  /** Appended to prose. */
  readonly suffix?: string;
  readonly hidesUsage?: true;
}

const message = (what: string): string => `The sandbox was asked for this error: ${what}.`;

function refusal(status: number, body: Partial<WireErrorBody>, headers: Record<string, string> = {}): () => WireError {
  return () =>
    new WireError(status, { message: message(body.code ?? body.type ?? `status ${status}`), ...body }, headers);
}

const serverError = { type: 'server_error', code: 'server_error' };

/** The whole answer, or an event stream, is cut after its first half; a single part is cut inside. */
function firstHalf(good: Delivery): Delivery {
  const [only] = good.parts;
  if (good.parts.length === 1 && typeof only === 'string') {
    return { ...good, parts: [only.slice(0, Math.ceil(only.length / 2))], outcome: 'broken' };
  }
  return { ...good, parts: good.parts.slice(0, Math.ceil(good.parts.length / 2)), outcome: 'broken' };
}

function withoutBody(good: Delivery, status: number): Delivery {
  return { ...good, status, parts: [''], texts: [], partDelayMs: 0, outcome: 'broken' };
}

const page =
  '<!doctype html>\n<html><head><title>Oops</title></head><body><h1>Something went wrong</h1></body></html>\n';

function asPage(good: Delivery, status: number): Delivery {
  return { ...withoutBody(good, status), headers: { 'content-type': 'text/html; charset=utf-8' }, parts: [page] };
}

const isStream = (delivery: Delivery): boolean => delivery.headers['content-type'] === eventStream;

const inBandError = JSON.stringify({
  error: {
    message: message('an error in the middle of the answer'),
    type: 'server_error',
    param: null,
    code: 'server_error',
  },
});

function errorHalfWay(good: Delivery): Delivery {
  if (!isStream(good)) return { ...good, parts: [inBandError], texts: [], outcome: 'broken' };
  const half = firstHalf(good);
  return { ...half, parts: [...half.parts, `data: ${inBandError}\n\n`] };
}

function garbleHalfWay(good: Delivery): Delivery {
  const half = firstHalf(good);
  if (!isStream(good)) return { ...half, parts: [...half.parts, '<<< not JSON >>>'] };
  const rest = good.parts.slice(half.parts.length);
  return { ...good, parts: [...half.parts, 'data: {"id":"chatcmpl-garbled","choices":[{"delta":{"con\n\n', ...rest] };
}

/** Legal, but seldom met: CRLF line ends, comments as keep-alives, a blank line too many, no blank after the colon. */
function crlf(good: Delivery): Delivery {
  if (!isStream(good)) return good;
  const parts = good.parts.map((part, index) => {
    const event = String(part).replaceAll('\n', '\r\n');
    if (index % 3 === 0) return `: keep-alive ${index}\r\n\r\n${event}`;
    return index % 3 === 1 ? event.replace(/^data: /, 'data:') : `${event}\r\n`;
  });
  return { ...good, parts };
}

/** Every write ends inside a multi-byte character where there is one near, so that each packet is invalid UTF-8 by itself. */
function splitInsideCharacters(good: Delivery): Delivery {
  const bytes = Buffer.from(good.parts.map(String).join(''));
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let index = 1; index < bytes.length; index++) {
    const continues = (bytes.readUInt8(index) & 0xc0) === 0x80;
    if (!continues) continue;
    parts.push(bytes.subarray(start, index));
    start = index;
  }
  parts.push(bytes.subarray(start));
  // The text of a part is no longer known; what was delivered of an aborted call is told by the whole text.
  return { ...good, parts, texts: [good.texts.join('')], partDelayMs: Math.max(1, good.partDelayMs) };
}

/** Every fault; one entry each. */
export const faults: readonly Fault[] = [
  {
    id: 'sandbox/error-400',
    description: '400 `invalid_request_error`',
    refuse: refusal(400, { code: 'invalid_value' }),
  },
  { id: 'sandbox/error-401', description: '401 `invalid_api_key`', refuse: refusal(401, { code: 'invalid_api_key' }) },
  {
    id: 'sandbox/error-402',
    description: '402 `insufficient_credit`',
    refuse: refusal(402, { code: 'insufficient_credit' }),
  },
  {
    id: 'sandbox/error-403',
    description: '403 `permission_error`',
    refuse: refusal(403, { type: 'permission_error', code: 'permission_denied' }),
  },
  {
    id: 'sandbox/error-404',
    description: '404 `model_not_found`',
    refuse: refusal(404, { param: 'model', code: 'model_not_found' }),
  },
  {
    id: 'sandbox/error-413',
    description: '413 `request_too_large`',
    refuse: refusal(413, { code: 'request_too_large' }),
  },
  { id: 'sandbox/error-422', description: '422 `invalid_request_error`', refuse: refusal(422, {}) },
  {
    id: 'sandbox/error-429',
    description:
      '429 `rate_limit_exceeded` with `Retry-After: 1`, or the seconds in the query `?retry_after=` or the header `x-sandbox-retry-after`',
    refuse: ({ retryAfter }) =>
      new WireError(
        429,
        { message: message('rate_limit_exceeded'), type: 'requests', code: 'rate_limit_exceeded' },
        { 'retry-after': retryAfter ?? '1' },
      ),
  },
  {
    id: 'sandbox/error-quota',
    description: '429 `insufficient_quota` with `x-should-retry: false`',
    refuse: refusal(429, { type: 'insufficient_quota', code: 'insufficient_quota' }, { 'x-should-retry': 'false' }),
  },
  { id: 'sandbox/error-500', description: '500 `server_error`', refuse: refusal(500, serverError) },
  {
    id: 'sandbox/error-502',
    description: '502 with an HTML body, as a proxy in front of a provider sends it',
    bend: (good) => asPage(good, 502),
  },
  {
    id: 'sandbox/error-503',
    description: '503 `service_unavailable_error`',
    refuse: refusal(503, { type: 'service_unavailable_error', code: 'server_is_overloaded' }),
  },
  {
    id: 'sandbox/error-529',
    description: '529 `overloaded_error`',
    refuse: refusal(529, { type: 'overloaded_error', code: 'overloaded' }),
  },
  {
    id: 'sandbox/slow',
    description: 'the first byte comes after 2 s',
    bend: (good) => ({ ...good, firstPartDelayMs: 2_000 }),
  },
  {
    id: 'sandbox/slow-stream',
    description: '200 ms between two chunks',
    bend: (good) => ({ ...good, partDelayMs: 200 }),
  },
  {
    id: 'sandbox/truncate',
    description: 'the answer ends half-way: cleanly, but without `[DONE]` (a JSON answer is cut in the middle)',
    bend: firstHalf,
  },
  {
    id: 'sandbox/reset',
    description: 'the socket is destroyed half-way',
    bend: (good) => ({ ...firstHalf(good), ending: 'destroy' }),
  },
  {
    id: 'sandbox/stall',
    description: 'half the answer, then silence on an open connection',
    bend: (good) => ({ ...firstHalf(good), ending: 'silence' }),
  },
  {
    id: 'sandbox/hang',
    description: 'accepts the call and never answers',
    bend: (good) => ({ ...good, parts: [], texts: [], ending: 'silence', outcome: 'broken' }),
  },
  {
    id: 'sandbox/garble',
    description: 'one event half-way is not valid JSON (nor is a JSON answer)',
    bend: garbleHalfWay,
  },
  {
    id: 'sandbox/error-in-stream',
    description:
      'an error event half-way, then the end without `[DONE]` (not streamed: status 200 with an error object)',
    bend: errorHalfWay,
  },
  { id: 'sandbox/no-usage', description: 'never reports usage, whatever was asked', hidesUsage: true },
  { id: 'sandbox/html', description: 'status 200 with an HTML page', bend: (good) => asPage(good, 200) },
  { id: 'sandbox/empty', description: 'status 200 with an empty body', bend: (good) => withoutBody(good, 200) },
  {
    id: 'sandbox/flaky',
    description: 'every second call fails with 500 (the first one succeeds; counted per process)',
    refuse: ({ callNumber }) =>
      callNumber % 2 === 0
        ? new WireError(500, { message: message('every second call fails'), ...serverError })
        : undefined,
  },
  { id: 'sandbox/crlf', description: 'events end in CRLF, with comments and keep-alives between them', bend: crlf },
  {
    id: 'sandbox/split-utf8',
    description: 'an answer full of multi-byte characters, its packets cut inside them',
    suffix: ' Grüße aus dem Sandkasten 🏖️, 砂場からこんにちは, привет из песочницы 👩‍🚀 — ça va?',
    bend: splitInsideCharacters,
  },
];

/** Faults as models: the limits of `sandbox/chat`. */
export const faultModels: readonly (SandboxModel & { readonly delayMs: number; readonly reasons: false })[] =
  faults.map(({ id, description }) => ({ id, description, ...usualLimits, delayMs: usualDelayMs, reasons: false }));
