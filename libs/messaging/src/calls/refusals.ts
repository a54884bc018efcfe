import type { GatewayErrorJson } from '#libs/contracts';
import { type BodySource, CallError } from '../bus.js';
import { isBodySource } from './body-sender.js';

/** What the opening frame can say of a body that is read while it is sent. */
const largestSourceBytes = 2 ** 32 - 1;

/** Why this body cannot be sent. */
export function refusalOfBody(body: Uint8Array | BodySource, maxBodyBytes: number): CallError | undefined {
  const { length } = body;
  const most = isBodySource(body) ? largestSourceBytes : maxBodyBytes;
  if (length > most) return bodyTooLarge(length, most);
  if (Number.isSafeInteger(length) && length >= 0) return undefined;
  return new CallError('body_failed', 'the length of the request body is no count of bytes');
}

/** The body is beyond what the bus carries. */
function bodyTooLarge(bytes: number, most: number): CallError {
  const message = `The request body has ${bytes} bytes; at most ${most} are accepted. Send a smaller one.`;
  return new CallError('remote', message, { code: 'request_too_large', message });
}

/** A bug of the caller, told to its sink like any other failure. */
export function headIsNotJson(): CallError {
  const message = 'The head of a call must be JSON.';
  return new CallError('remote', message, { code: 'internal_error', message });
}

/** What a call hears that outlives its server's drain. */
export const shuttingDown: GatewayErrorJson = {
  code: 'server_shutting_down',
  message: 'This server is shutting down. Retry: another one will answer.',
};
