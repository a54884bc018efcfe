import { GatewayError, type OrganizationRoute } from '#libs/contracts';
import { CallError } from '#libs/messaging';
import { failureOf } from '../inference/call-failure.js';

const retryAfterSeconds = 2;

/** How a call of the management API that brought no answer is told to the caller. */
export function organizationFailure(error: unknown, method: OrganizationRoute['method']): unknown {
  if (!(error instanceof CallError)) return error;
  if (error.reason === 'remote' || error.reason === 'closed' || error.reason === 'overflow') return failureOf(error);
  if (error.reason === 'no_responders') {
    const message = 'The ledger cannot be reached right now. Retry in a moment.';
    return new GatewayError('ledger_unavailable', message, { cause: error, retryAfterSeconds });
  }
  if (method !== 'POST') {
    const message = 'The ledger did not answer in time. Retry in a moment.';
    return new GatewayError('ledger_unavailable', message, { cause: error, retryAfterSeconds });
  }
  // SDKs would retry by themselves, and a second top-up or a second key is worse than an error.
  const message = 'The ledger did not answer: whether the change was made is not known. Look before you repeat it.';
  return new GatewayError('ledger_unavailable', message, { cause: error, retryable: false });
}
