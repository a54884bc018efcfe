import type { GatewayError } from '#libs/contracts';
import type { IncomingCall } from '#libs/messaging';
import { relayedHeaders, type UpstreamHeaders } from '#libs/providers';
import type { AnswerReport } from './attempt.js';

const writeBytes = 32 * 1024;

/** Headers of an answer: what of the upstream's is passed on, the provider's name and, once it is known, the cost. */
export function answerHeaders(
  upstream: { readonly headers: UpstreamHeaders; readonly provider: string },
  contentType: string,
  report?: AnswerReport,
): Record<string, string> {
  const headers = relayedHeaders(upstream.headers);
  headers['content-type'] = contentType;
  headers['x-modapi-provider'] = upstream.provider;
  if (report?.cost !== undefined) headers['x-modapi-cost-nano-usd'] = report.cost.toString();
  if (report) headers['x-modapi-usage-source'] = report.source;
  return headers;
}

/** Writes a whole body as fast as the caller takes it. */
export async function writeWhole(call: IncomingCall, body: Uint8Array): Promise<void> {
  for (let start = 0; start < body.length; start += writeBytes) {
    const more = start + writeBytes < body.length;
    if (!call.write(body.subarray(start, start + writeBytes)) && more) await call.writable();
    if (call.signal.aborted) return;
  }
}

/** SDKs throw on an event with `error`, and take a stream that merely stops for a complete one. Chat's has no name. */
export function inBandError(error: GatewayError, requestId: string): Buffer {
  return Buffer.from(`data: ${JSON.stringify({ error: error.toOpenAi(), request_id: requestId })}\n\n`);
}

/** The same for streams of images and audio: with a name, as ingress writes it. */
export function namedInBandError(error: GatewayError, requestId: string): Buffer {
  return Buffer.concat([Buffer.from('event: error\n'), inBandError(error, requestId)]);
}
