import { GatewayError } from '#libs/contracts';

/** Postgres did not answer. What was asked may have happened all the same; asking again with the same id is safe. */
export function ledgerUnavailable(cause?: unknown): GatewayError {
  return new GatewayError(
    'ledger_unavailable',
    'The ledger cannot be asked right now, so nothing was started and nothing is charged. Retry in a moment.',
    { cause, retryAfterSeconds: 2 },
  );
}

/** The data is at fault (22 out of range, 23 constraint, 54 too large), not the server: the same again cannot help. */
export function isRefused(error: unknown): boolean {
  const { code } = ((error as { driverError?: unknown } | null)?.driverError ?? error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^(22|23|54)...$/.test(code);
}
