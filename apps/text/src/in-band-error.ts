import { GatewayError } from '#libs/contracts';
import type { UpstreamFailure } from '#libs/providers';

/** What the caller is told of a failure after content: the status line is long gone. */
export function interruptedError({ kind, error }: UpstreamFailure): GatewayError {
  const reason = kind === 'timeout' ? 'upstream_timeout' : 'upstream_interrupted';
  return new GatewayError(reason, `The answer was interrupted and is not complete. ${error.message}`, { cause: error });
}

/** SDKs throw on a chunk with `error`, and take a stream that merely stops for a complete one. */
export function inBandError(error: GatewayError, requestId: string): Buffer {
  return Buffer.from(`data: ${JSON.stringify({ error: error.toOpenAi(), request_id: requestId })}\n\n`);
}
