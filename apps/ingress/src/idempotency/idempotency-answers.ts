import {
  GatewayError,
  type IdempotencyFetchRequest,
  idempotencyFetchSubject,
  type IdempotencyStoreRequest,
  idempotencyStoreSubject,
  maxStoredAnswerBytes,
} from '#libs/contracts';
import { type Bus, CallError, collectReply } from '#libs/messaging';
import type { Logger } from '#libs/telemetry';

/** An answer as it was given to the first request with its key. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const nothing = Buffer.alloc(0);
/** The caller waits for it, with the whole answer ready. */
const storeMs = 3_000;
const fetchMs = 5_000;

/** Answers kept by billing under their Idempotency-Keys. */
export class IdempotencyAnswers {
  constructor(
    private readonly bus: Bus,
    private readonly logger: Logger,
  ) {}

  /** Never rejects: an answer that could not be kept is given all the same, once. */
  async store(head: IdempotencyStoreRequest, body: Buffer): Promise<void> {
    try {
      await collectReply(this.bus, { subject: idempotencyStoreSubject, head, body, deadlineMs: storeMs });
    } catch (error) {
      const fields = { requestId: head.requestId, error: error as Error };
      this.logger.error(fields, 'an answer was not stored; a repetition of its Idempotency-Key does not get it');
    }
  }

  /** Rejects with a `GatewayError`. */
  async fetch(head: IdempotencyFetchRequest): Promise<StoredAnswer> {
    const call = { subject: idempotencyFetchSubject, head, body: nothing, deadlineMs: fetchMs };
    try {
      const reply = await collectReply(this.bus, call, 2 * maxStoredAnswerBytes);
      return { ...reply.head, body: reply.body };
    } catch (error) {
      if (error instanceof CallError && error.gateway) throw GatewayError.fromJson(error.gateway);
      const message = 'The stored answer cannot be fetched right now. Retry in a moment; it is not run again.';
      throw new GatewayError('ledger_unavailable', message, { cause: error, retryAfterSeconds: 2 });
    }
  }
}
