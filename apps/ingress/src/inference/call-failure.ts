import { type ErrorCode, GatewayError } from '#libs/contracts';
import type { CallError } from '#libs/messaging';

type Reason = Exclude<CallError['reason'], 'remote'>;

const failures: Record<Reason, { readonly code: ErrorCode; readonly message: string }> = {
  no_responders: {
    code: 'no_worker_available',
    message: 'No worker for this endpoint is running right now. Retry in a moment.',
  },
  peer_lost: {
    code: 'upstream_interrupted',
    message: 'The answer broke off: the worker that served it vanished. Retry the request.',
  },
  gap: {
    code: 'upstream_interrupted',
    message: 'The answer broke off: a part of it was lost on the way. Retry the request.',
  },
  deadline: { code: 'upstream_timeout', message: 'The answer took too long. Retry, or ask for less at once.' },
  overflow: { code: 'internal_error', message: 'The gateway failed to handle this request. Retry the request.' },
  body_failed: { code: 'internal_error', message: 'The gateway failed to handle this request. Retry the request.' },
  closed: { code: 'server_shutting_down', message: 'This server is shutting down. Retry: another one will answer.' },
};

/** How a failed call is told to the caller. */
export function failureOf(error: CallError): GatewayError {
  if (error.gateway) return GatewayError.fromJson(error.gateway);
  const reason = error.reason === 'remote' ? 'overflow' : error.reason;
  const { code, message } = failures[reason];
  return new GatewayError(code, message, { cause: error });
}

/** The worker was lost on the way: another one may do better. */
export function isLost(error: CallError): boolean {
  return error.reason === 'peer_lost' || error.reason === 'gap';
}
