import { type AuthorizeResult, GatewayError } from '#libs/contracts';

type Refusal = Exclude<AuthorizeResult, { outcome: 'authorized' | 'replay' }>;
type Outcome = Refusal['outcome'];

const refusals: { readonly [Name in Outcome]: (refusal: Extract<Refusal, { outcome: Name }>) => GatewayError } = {
  insufficient_quota: () =>
    new GatewayError(
      'insufficient_quota',
      'The credit of this organization does not cover this request. Add credit, or ask for less: a smaller limit on the output holds less.',
    ),
  budget_exceeded: ({ scope }) =>
    new GatewayError(
      'budget_exceeded',
      `The budget of this ${scope} does not cover this request. Raise the budget, or wait until its period begins anew.`,
      { headers: { 'x-modapi-budget-scope': scope } },
    ),
  // Request ids are made here, 128 random bits each: this is a fault of ours, and a repetition gets another id.
  settled: () =>
    new GatewayError(
      'internal_error',
      'The gateway gave this request an id that is in use. Nothing was started; retry the request.',
    ),
  idempotency_in_progress: () =>
    new GatewayError(
      'idempotency_in_progress',
      'A request with this Idempotency-Key is still running, or has just ended. Retry in a moment to get its answer.',
      { retryAfterSeconds: 1 },
    ),
  idempotency_key_reused: () =>
    new GatewayError(
      'idempotency_key_reused',
      'This Idempotency-Key was used with another body. Send the same body again, or a new key.',
    ),
  idempotency_result_not_stored: () =>
    new GatewayError(
      'idempotency_result_not_stored',
      'The request with this Idempotency-Key has run, but its answer was not kept: it was too large or broke off. Send a new key to run it again.',
    ),
};

/** How a request that the ledger does not let in is told so. */
export function refusalOf(refusal: Refusal): GatewayError {
  return (refusals[refusal.outcome] as (refusal: Refusal) => GatewayError)(refusal);
}
