import type { GatewayErrorJson } from '#libs/contracts';
import { CallError } from '../bus.js';

/** The body is beyond what the bus carries. */
export function bodyTooLarge(bytes: number, most: number): CallError {
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
