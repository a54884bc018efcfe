import { z } from 'zod';

/** A stored answer is at most so large; a larger one is not kept. */
export const maxStoredAnswerBytes = 1024 * 1024;

/** Names one Idempotency-Key: unique per organization and endpoint. */
const idempotencyName = z.object({ organizationId: z.string(), endpoint: z.string(), key: z.string() });

/** Head of the call on `idempotencyStoreSubject`; its body is the answer's, empty for one that is too large to keep. */
export const idempotencyStoreRequest = idempotencyName.extend({
  /** Of the request whose answer it is: an answer of another one is not stored. */
  requestId: z.string(),
  /** null: the answer is too large, and every repetition is told so. */
  answer: z.object({ status: z.int(), headers: z.record(z.string(), z.string()) }).nullable(),
});
export type IdempotencyStoreRequest = z.infer<typeof idempotencyStoreRequest>;

/** Head of the call on `idempotencyFetchSubject`. The reply's head and data are the stored answer's. */
export const idempotencyFetchRequest = idempotencyName;
export type IdempotencyFetchRequest = z.infer<typeof idempotencyFetchRequest>;

/** Served by billing: keeps an answer for repetitions, for 24 hours. */
export const idempotencyStoreSubject = 'call.v1.billing.idempotency.store';
/** Served by billing: gives a stored answer. */
export const idempotencyFetchSubject = 'call.v1.billing.idempotency.fetch';
