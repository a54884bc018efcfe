import { GatewayError } from '#libs/contracts';
import { EgressRefusedError } from './egress/egress-fetch.js';
import type { UpstreamHeaders } from './egress/egress-client.js';
import { UpstreamError } from './egress/upstream-error.js';
import type { FailureContext } from './openai-compatible/error-object.js';
import {
  failureOfAnswer,
  failureOfGarbage,
  failureOfTransport,
  type UpstreamFailure,
} from './openai-compatible/upstream-failure.js';

/** Of `APICallError` in `@ai-sdk/provider`: told by its name, since packages bring copies of the class. */
interface ApiCallError {
  readonly statusCode?: number;
  readonly responseHeaders?: UpstreamHeaders;
  readonly responseBody?: string;
  readonly message: string;
}

/** Deeper than any package wraps. */
const maxCauses = 5;

/**
 * What an error of a vendor's package means, mapped once. Of the error nothing is kept but status, headers and body of
 * the vendor's answer: it also holds the request with the caller's text, and sometimes a URL with a key in it.
 */
export function failureOfDialect(error: unknown, context: FailureContext): UpstreamFailure {
  const chain = [...causes(error)];
  const ours = chain.find((cause) => cause instanceof GatewayError);
  if (ours) return { kind: 'rejected', failover: false, repeatable: false, retryAfterMs: undefined, error: ours };
  const transport = chain.find((cause) => cause instanceof UpstreamError);
  if (transport) return failureOfTransport(transport, context);
  if (chain.some(isTimeout)) return failureOfTransport(new UpstreamError('body_timeout', 'TIMEOUT'), context);
  if (chain.some((cause) => cause instanceof EgressRefusedError)) return refused(context);
  const missingKey = chain.some((cause) => nameOf(cause) === 'AI_LoadAPIKeyError');
  if (missingKey) return failureOfAnswer({ status: 401, headers: {}, body: Buffer.alloc(0) }, context);
  const answer = chain.find(isApiCallError);
  return answer ? failureOfApiCall(answer, context) : failureOfGarbage(context);
}

function failureOfApiCall(
  { statusCode, responseHeaders, responseBody, message }: ApiCallError,
  context: FailureContext,
) {
  // With a good status the package could not read what came.
  if (statusCode === undefined || statusCode < 300) return failureOfGarbage(context);
  // A package reads its vendor's own shape of an error; the message is what it found there.
  const shaped = JSON.stringify({ error: { message } });
  const failures = [responseBody ?? '', shaped].map((body) =>
    failureOfAnswer({ status: statusCode, headers: responseHeaders ?? {}, body: Buffer.from(body) }, context),
  ) as [UpstreamFailure, UpstreamFailure];
  return failures[0].kind === 'broken' ? failures[1] : failures[0];
}

function refused({ upstream }: FailureContext): UpstreamFailure {
  const message = `The provider ${upstream.id} sent the gateway to a host that is not its own. Its operator must be told.`;
  const error = new GatewayError('upstream_error', message, { retryable: false });
  return { kind: 'broken', failover: true, repeatable: false, retryAfterMs: undefined, error };
}

function* causes(error: unknown): Generator<unknown> {
  let cause = error;
  for (let depth = 0; depth < maxCauses && cause !== undefined; depth++) {
    yield cause;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
}

function isTimeout(error: unknown): boolean {
  return ['AbortError', 'TimeoutError', 'ResponseAborted'].includes(nameOf(error));
}

function isApiCallError(error: unknown): error is ApiCallError {
  return nameOf(error) === 'AI_APICallError';
}

function nameOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : '';
}
