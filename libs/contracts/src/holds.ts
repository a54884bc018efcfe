import { z } from 'zod';
import { priceSchema } from './usage.js';

/** A non-negative amount in nano-dollars; text, since JSON numbers are floats. */
export const nanosText = z.string().regex(/^\d{1,18}$/);

/** At most so many items travel in one message, and are decided in one transaction. */
export const maxHoldBatch = 128;

/** Prices of one model by deployment id (`<provider>/<upstream model>`), as they were when the request was let in. */
export const priceSnapshot = z.object({ model: z.string(), prices: z.record(z.string(), priceSchema) });
export type PriceSnapshot = z.infer<typeof priceSnapshot>;

/** Asks for a request to be let in: money and budgets are reserved, and its first attempt is on record, in one commit. */
export const authorizeItem = z.object({
  requestId: z.string().max(100),
  organizationId: z.string(),
  projectId: z.string(),
  keyId: z.string(),
  endpoint: z.string(),
  model: z.string(),
  /** Upper bound of the cost. */
  holdNanos: nanosText,
  /** A hash of the snapshot's content; the snapshot itself travels once per message. */
  priceSnapshotId: z.string(),
  idempotency: z
    .object({
      key: z.string().min(1).max(255),
      /** SHA-256 of the body, base64url. */
      fingerprint: z.string().length(43),
    })
    .nullable(),
});
export type AuthorizeItem = z.infer<typeof authorizeItem>;

/** Body of a call on `authorizeSubject`, as JSON. */
export const authorizeRequest = z.object({
  snapshots: z.record(z.string(), priceSnapshot),
  items: z.array(authorizeItem).min(1).max(maxHoldBatch),
});
export type AuthorizeRequest = z.infer<typeof authorizeRequest>;

/**
 * What became of one item. `authorized` also for an item that was authorized before and is not settled yet (the same
 * request id may be sent again after a lost answer). The `idempotency_*` and `replay` outcomes hold nothing.
 */
export const authorizeResult = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('authorized') }),
  z.object({ outcome: z.literal('insufficient_quota') }),
  z.object({ outcome: z.literal('budget_exceeded'), scope: z.enum(['key', 'project', 'organization']) }),
  /** This request id was settled before: it must not run. */
  z.object({ outcome: z.literal('settled') }),
  /** The key was used for the same body, and its answer is stored: fetch it by `idempotencyFetchSubject`. */
  z.object({ outcome: z.literal('replay') }),
  z.object({ outcome: z.literal('idempotency_in_progress') }),
  z.object({ outcome: z.literal('idempotency_key_reused') }),
  z.object({ outcome: z.literal('idempotency_result_not_stored') }),
]);
export type AuthorizeResult = z.infer<typeof authorizeResult>;

/** Body of the reply, as JSON: results in the order of the items. */
export const authorizeReply = z.object({ results: z.array(authorizeResult) });

/** Before the n-th upstream call of a held request, n > 1: nothing is called that is not on record. */
export const intentItem = z.object({
  kind: z.literal('intent'),
  requestId: z.string(),
  attemptId: z.string(),
  provider: z.string(),
  upstreamModel: z.string(),
});
/** More money for a stream that outlives its hold; `step` counts from 1, so that a repeated message is the same one. */
export const extendItem = z.object({
  kind: z.literal('extend'),
  requestId: z.string(),
  step: z.int().positive(),
  nanos: nanosText,
});
/** The request is still running: its lease begins anew. */
export const renewItem = z.object({ kind: z.literal('renew'), requestId: z.string() });
/** The request is over and nothing is to be charged: its hold is voided. A charge that comes late is captured all the same. */
export const releaseItem = z.object({ kind: z.literal('release'), requestId: z.string() });

/** One change of a hold. */
export const holdChange = z.discriminatedUnion('kind', [intentItem, extendItem, renewItem, releaseItem]);
export type HoldChange = z.infer<typeof holdChange>;

/** Body of a call on `holdChangesSubject`, as JSON. */
export const holdChangesRequest = z.object({ items: z.array(holdChange).min(1).max(maxHoldBatch) });

/** Body of the reply, as JSON, in the order of the items; `false`: refused (no money, no such hold, or it is settled). */
export const holdChangesReply = z.object({ granted: z.array(z.boolean()) });

/** Served by billing: requests that want to be let in. */
export const authorizeSubject = 'call.v1.billing.holds.authorize';
/** Served by billing: holds that change while their requests run. */
export const holdChangesSubject = 'call.v1.billing.holds.change';
