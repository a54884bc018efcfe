import type { GatewayError } from '#libs/contracts';

/** An error as HTTP: what every error answer of the door is made of. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** OpenAI's shape, and the headers that SDKs obey: `retry-after`, `x-should-retry`. */
export function errorAnswer(error: GatewayError): ErrorAnswer {
  const { status } = error;
  const headers: Record<string, string> = { 'content-type': 'application/json; charset=utf-8', ...error.headers };
  // SDKs retry these by themselves, and only these.
  const sdkRetries = status === 408 || status === 409 || status === 429 || status >= 500;
  if (error.retryable !== sdkRetries || status === 413) headers['x-should-retry'] = String(error.retryable);
  if (error.retryAfterSeconds !== undefined) headers['retry-after'] = String(Math.ceil(error.retryAfterSeconds));
  else if (error.retryable && status === 503) headers['retry-after'] = '1';
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  return { status, headers, body: JSON.stringify({ error: error.toOpenAi() }) };
}

/** The same inside a stream that had already begun; named where the stream's own events are. Nothing may follow. */
export function inBandError(error: GatewayError, requestId: string, named: boolean): string {
  const data = `data: ${JSON.stringify({ error: error.toOpenAi(), request_id: requestId })}\n\n`;
  return named ? `event: error\n${data}` : data;
}
