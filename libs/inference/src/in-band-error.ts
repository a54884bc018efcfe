import { GatewayError } from '#libs/contracts';
import type { UpstreamFailure } from '#libs/providers';

/** What the caller is told of a failure after content: the status line is long gone. */
export function interruptedError({ kind, error }: UpstreamFailure): GatewayError {
  const reason = kind === 'timeout' ? 'upstream_timeout' : 'upstream_interrupted';
  return new GatewayError(reason, `The answer was interrupted and is not complete. ${error.message}`, { cause: error });
}

/** For a stream that ran out of money: what was paid for is delivered, and the rest is not. */
export function balanceError(): GatewayError {
  const message =
    'The balance or the budget does not cover more of this answer, so it ends here and is charged up to here. Add credit or raise the budget.';
  return new GatewayError('insufficient_quota', message);
}

/** For a stream whose next extension could not be asked for: that is nobody's lack of money. */
export function ledgerError(): GatewayError {
  const message =
    'The ledger could not be asked for more money for this answer, so it ends here and is charged up to here. Retry in a moment.';
  return new GatewayError('ledger_unavailable', message);
}
