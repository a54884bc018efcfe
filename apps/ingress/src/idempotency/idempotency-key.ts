import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { GatewayError } from '#libs/contracts';

/** A key of the caller's and the body it was sent with. */
export interface IdempotencyClaim {
  readonly key: string;
  /** SHA-256 of the body, base64url. */
  readonly fingerprint: string;
}

const header = 'idempotency-key';
const wellFormed = /^[\x21-\x7e]{1,255}$/;

/** The Idempotency-Key of a request, or undefined for one without; throws a `GatewayError` for a malformed one. */
export function readIdempotencyKey(raw: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): string | undefined {
  const key = raw.headers[header];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || countOf(raw.rawHeaders) > 1) {
    throw invalid('The request has two Idempotency-Key headers. Send one.');
  }
  if (!wellFormed.test(key)) throw invalid('Send 1 to 255 visible ASCII characters as Idempotency-Key, e.g. a UUID.');
  return key;
}

/** What a key stands for: `body` is without byte order mark and outer white space. */
export function fingerprintOf(body: Buffer): string {
  return hash('sha256', body, 'base64url');
}

/** Node joins two of them into one value. */
function countOf(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length === header.length && name.toLowerCase() === header) count++;
  }
  return count;
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid_idempotency_key', message);
}
