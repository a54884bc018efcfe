import { GatewayError, type OpenAiError } from '#libs/contracts';
import type { UpstreamHeaders } from '../egress/egress-client.js';
import { headerText, retryAfterMs } from '../egress/response-headers.js';
import type { UpstreamError } from '../egress/upstream-error.js';
import { type FailureContext, readErrorObject, type ReportedError } from './error-object.js';

/** What kind of trouble, for routing and for the final answer. */
export type FailureKind =
  | 'rate_limited'
  /** Our key, our account: no fault of the caller. */
  | 'credential'
  | 'timeout'
  | 'unavailable'
  /** What came is no answer. */
  | 'broken'
  /** The request itself was refused: no other provider is tried. */
  | 'rejected';

/** A failed upstream call. */
export interface UpstreamFailure {
  readonly kind: FailureKind;
  /** Another provider may do better. */
  readonly failover: boolean;
  /** The connection broke before any answer, as stale keep-alive connections do: the same provider may do better. */
  readonly repeatable: boolean;
  readonly retryAfterMs: number | undefined;
  /** What the caller hears if nothing better comes. */
  readonly error: GatewayError;
}

/** An answer with a status that is not 2xx. The body may have been cut. */
export function failureOfAnswer(
  answer: { readonly status: number; readonly headers: UpstreamHeaders; readonly body: Buffer },
  context: FailureContext,
): UpstreamFailure {
  const { status, headers } = answer;
  const reported = readErrorObject(answer.body, context);
  const wait = retryAfterMs(headers);
  if (status === 429) return rateLimited(context, reported, wait, headerText(headers, 'x-should-retry') === 'false');
  if (status >= 400 && status < 500 && reported && ![401, 402, 403, 408, 425].includes(status)) {
    return rejected(status, reported, context);
  }
  return failureOfStatus(status, context, wait);
}

/** An error object that came with status 200, alone or in a stream. Some carry the status as their `code`. */
export function failureOfErrorObject(error: unknown, context: FailureContext): UpstreamFailure {
  const reported = readErrorObject(Buffer.from(JSON.stringify({ error }) ?? ''), context);
  const status = Number(reported?.code ?? Number.NaN);
  if (status === 429) return rateLimited(context, reported, undefined, false);
  return failureOfStatus(status >= 400 && status < 600 ? status : 502, context, undefined);
}

/** No whole answer came. */
export function failureOfTransport(error: UpstreamError, { upstream }: FailureContext): UpstreamFailure {
  const name = `The provider ${upstream.id}`;
  switch (error.kind) {
    case 'headers_timeout':
    case 'body_timeout':
      return failure(
        'timeout',
        new GatewayError('upstream_timeout', `${name} did not answer in time. Retry.`, { cause: error }),
      );
    case 'saturated':
      return failure(
        'unavailable',
        new GatewayError('overloaded', `Too many calls to the provider ${upstream.id} are in flight. Retry.`),
      );
    case 'connect':
      return failure(
        'unavailable',
        new GatewayError('provider_unavailable', `${name} cannot be reached. Retry.`, { cause: error }),
      );
    case 'reset':
    case 'protocol':
      return {
        ...failure(
          'broken',
          new GatewayError('upstream_error', `The connection to the provider ${upstream.id} broke. Retry.`, {
            cause: error,
          }),
        ),
        repeatable: error.kind === 'reset',
      };
  }
}

/** Status 200 with something that is not a chat completion. */
export function failureOfGarbage({ upstream }: FailureContext): UpstreamFailure {
  return failure(
    'broken',
    new GatewayError('upstream_error', `The provider ${upstream.id} sent something that is not an answer. Retry.`),
  );
}

/** The one error that the caller hears after all attempts failed. */
export function finalError(failures: readonly UpstreamFailure[]): GatewayError {
  const limited = failures.filter(({ kind }) => kind === 'rate_limited');
  if (limited.length === failures.length) {
    const [first] = limited;
    if (!first)
      return new GatewayError('provider_unavailable', 'No provider of this model can take a call now. Retry.');
    // The provider that is free again soonest decides when a retry makes sense.
    return limited.reduce((best, next) => ((next.retryAfterMs ?? 0) < (best.retryAfterMs ?? 0) ? next : best), first)
      .error;
  }
  return (failures.findLast(({ kind }) => kind !== 'rate_limited') as UpstreamFailure).error;
}

function failure(kind: FailureKind, error: GatewayError, waitMs?: number): UpstreamFailure {
  return { kind, failover: kind !== 'rejected', repeatable: false, retryAfterMs: waitMs, error };
}

function rateLimited(
  { upstream }: FailureContext,
  reported: ReportedError | undefined,
  waitMs: number | undefined,
  toldNotToRetry: boolean,
): UpstreamFailure {
  const name = `The provider ${upstream.id}`;
  if (toldNotToRetry || reported?.code === 'insufficient_quota' || reported?.type === 'insufficient_quota') {
    const message = `${name} has no quota left for us. The gateway's operator must add some; a retry cannot help.`;
    return failure('rate_limited', new GatewayError('upstream_rate_limited', message, { retryable: false }), waitMs);
  }
  const error = new GatewayError(
    'upstream_rate_limited',
    `${name} limits the rate of calls. Retry later.`,
    secondsOf(waitMs),
  );
  return failure('rate_limited', error, waitMs);
}

function rejected(status: number, reported: ReportedError, context: FailureContext): UpstreamFailure {
  const upstream: OpenAiError = {
    message: reported.message,
    type: reported.type ?? 'invalid_request_error',
    param: reported.param,
    code: reported.code,
  };
  if (status === 404 && isMissingModel(reported)) {
    const message = `The model \`${context.model}\` does not exist or you do not have access to it.`;
    return failure('rejected', new GatewayError('model_not_found', message, { param: 'model' }));
  }
  return failure(
    'rejected',
    new GatewayError('upstream_rejected', reported.message, { status, upstream, retryable: false }),
  );
}

function isMissingModel({ code, message }: ReportedError): boolean {
  return code === 'model_not_found' || /\bmodel\b.*(?:not exist|not found|unknown)|\bunknown model\b/i.test(message);
}

/** Never the provider's text: it speaks of our account, and sometimes quotes our key. */
function failureOfStatus(status: number, { upstream }: FailureContext, waitMs: number | undefined): UpstreamFailure {
  const name = `The provider ${upstream.id}`;
  if (status === 401 || status === 402 || status === 403) {
    const message = `${name} refused the gateway's credential (${status}). Its operator must check the key and account.`;
    return failure('credential', new GatewayError('upstream_error', message, { retryable: false }), waitMs);
  }
  if (status === 408 || status === 504) {
    const message = `${name} answered that it ran out of time (${status}). Retry.`;
    return failure('timeout', new GatewayError('upstream_timeout', message, secondsOf(waitMs)), waitMs);
  }
  if (status === 503 || status === 529) {
    const message = `${name} is overloaded or down (${status}). Retry.`;
    return failure('unavailable', new GatewayError('provider_unavailable', message, secondsOf(waitMs)), waitMs);
  }
  if (status >= 500 || status === 425) {
    const message = `${name} failed (${status}). Retry.`;
    return failure('unavailable', new GatewayError('upstream_error', message, secondsOf(waitMs)), waitMs);
  }
  // A redirect, or a 4xx page that is not of the API: the base URL is wrong, or a proxy stands in between.
  const message = `${name} answered ${status} with something that is not an answer of its API. The operator must check its base URL.`;
  return failure('broken', new GatewayError('upstream_error', message, { retryable: false }));
}

/** Rounded up: an SDK must not come back too early. */
function secondsOf(waitMs: number | undefined): { retryAfterSeconds?: number } {
  return waitMs === undefined ? {} : { retryAfterSeconds: Math.ceil(waitMs / 1000) };
}
