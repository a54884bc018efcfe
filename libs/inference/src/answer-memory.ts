import { GatewayError } from '#libs/contracts';
import type { UpstreamFailure } from '#libs/providers';

const limitBytes = 256 * 1024 * 1024;
/** Of each call: ordinary answers never touch the budget. */
const freeBytes = 256 * 1024;

/** Memory of this process for answers that are gathered before they are passed on: few large ones would fill it. */
export class AnswerMemory {
  private used = 0;

  constructor(
    private readonly limit = limitBytes,
    private readonly free = freeBytes,
  ) {}

  get usedBytes(): number {
    return this.used;
  }

  /** Of one call; to be closed when the call is over. */
  open(): AnswerShare {
    return new AnswerShare((bytes) => this.hold(bytes), this.free);
  }

  private hold(bytes: number): boolean {
    if (bytes > 0 && this.used + bytes > this.limit) return false;
    this.used += bytes;
    return true;
  }
}

/** One budget per process, however many worker apps run in it. */
export const answerMemory = new AnswerMemory();

/** What the answers of one call hold. */
export class AnswerShare {
  private held = 0;
  private closed = false;

  constructor(
    private readonly hold: (bytes: number) => boolean,
    private readonly free: number,
  ) {}

  /** As bytes arrive. False: there is no room for them, and they must not be kept. */
  take(bytes: number): boolean {
    if (this.closed || !this.hold(this.beyondFree(this.held + bytes) - this.beyondFree(this.held))) return false;
    this.held += bytes;
    return true;
  }

  /** An attempt that failed gives back what it took: another may follow in the same call. */
  giveBack(bytes: number): void {
    if (this.closed) return;
    this.hold(this.beyondFree(this.held - bytes) - this.beyondFree(this.held));
    this.held -= bytes;
  }

  /** The answer was written or dropped; more than once is once. */
  close(): void {
    this.giveBack(this.held);
    this.closed = true;
  }

  private beyondFree(bytes: number): number {
    return Math.max(0, bytes - this.free);
  }
}

export function answerMemoryFull(): GatewayError {
  const message = 'Too many large answers are on their way at the moment. Retry in a few seconds.';
  return new GatewayError('overloaded', message, { retryAfterSeconds: 2 });
}

/** No provider's fault, and no other one could do better: its answer would have no room either. */
export function failureOfFullMemory(): UpstreamFailure {
  const error = answerMemoryFull();
  return { kind: 'rejected', failover: false, repeatable: false, retryAfterMs: undefined, error };
}
