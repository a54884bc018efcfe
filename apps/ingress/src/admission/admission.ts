import type { Model } from '#libs/catalog';
import {
  type AuthorizeItem,
  type AuthorizeResult,
  type Caller,
  GatewayError,
  type KeyPolicy,
  type Usage,
  type WirePrice,
} from '#libs/contracts';
import type { HoldsClient } from '#libs/holds';
import { CallError } from '#libs/messaging';
import type { IdempotencyAnswers, StoredAnswer } from '../idempotency/idempotency-answers.js';
import type { IdempotencyClaim } from '../idempotency/idempotency-key.js';
import type { RateLimits } from '../limits/rate-limits.js';
import { holdNanos, holdPriceOf } from './hold-price.js';
import { refusalOf } from './refusals.js';

/** A request that was read and checked, before anything was started for it. */
export interface Applicant {
  readonly requestId: string;
  readonly caller: Caller;
  readonly endpoint: string;
  readonly model: Model;
  /** What the organization pays instead of the deployments' prices. */
  readonly price: WirePrice | undefined;
  /** Upper bound of what the request may use. */
  readonly largestUsage: Usage;
  readonly idempotency: IdempotencyClaim | undefined;
}

/** `authorized`: money is held, the request may run. `replay`: it ran before, and this was its answer. */
export type Admitted =
  | { readonly outcome: 'authorized' }
  | { readonly outcome: 'replay'; readonly answer: StoredAnswer };

/** Prepaid, under a budget, or named by an Idempotency-Key: no call without a hold. All others wait for nothing. */
export function needsAdmission(policy: KeyPolicy, idempotency: IdempotencyClaim | undefined): boolean {
  return policy.needsHold || idempotency !== undefined;
}

/** What the organization of a key pays for a model, where that is not the catalog's price. */
export function priceFor(policy: KeyPolicy, modelId: string): WirePrice | undefined {
  return Object.hasOwn(policy.prices, modelId) ? policy.prices[modelId] : undefined;
}

/** Lets requests in by the ledger's word: the money is held before a worker hears of them. Fails closed. */
export class Admission {
  constructor(
    private readonly holds: HoldsClient,
    readonly answers: IdempotencyAnswers,
    /** Before the money: what is over its limit is held for nothing. */
    readonly limits: RateLimits,
  ) {}

  /** Rejects with the `GatewayError` that the caller is told; nothing is held then. */
  async admit(applicant: Applicant): Promise<Admitted> {
    const result = await this.authorize(applicant);
    if (result.outcome === 'authorized') return { outcome: 'authorized' };
    if (result.outcome !== 'replay') throw refusalOf(result);
    const { caller, endpoint, idempotency } = applicant;
    if (!idempotency) throw new GatewayError('internal_error', 'The ledger repeats an answer that has no key.');
    const { organizationId } = caller;
    const answer = await this.answers.fetch({ organizationId, endpoint, key: idempotency.key });
    return { outcome: 'replay', answer };
  }

  /** Nothing was started for it after all. */
  release(requestId: string): void {
    this.holds.release(requestId);
  }

  private async authorize(applicant: Applicant): Promise<AuthorizeResult> {
    const { requestId, model, price, largestUsage } = applicant;
    const holdPrice = holdPriceOf(model, price);
    const item: AuthorizeItem = {
      requestId,
      organizationId: applicant.caller.organizationId,
      projectId: applicant.caller.projectId,
      keyId: applicant.caller.keyId,
      endpoint: applicant.endpoint,
      model: model.id,
      holdNanos: holdNanos(largestUsage, holdPrice).toString(),
      priceSnapshotId: holdPrice.snapshotId,
      idempotency: applicant.idempotency ?? null,
    };
    try {
      return await this.holds.authorize(item, holdPrice.snapshot);
    } catch (error) {
      if (mayBeHeld(error)) this.holds.release(requestId);
      throw error;
    }
  }
}

/** Only the answer was missing: the ledger may have made the hold, and its repetition would find the key in use. */
function mayBeHeld(error: unknown): boolean {
  if (!(error instanceof GatewayError) || !(error.cause instanceof CallError)) return false;
  const { reason } = error.cause;
  return reason !== 'no_responders' && reason !== 'closed';
}
