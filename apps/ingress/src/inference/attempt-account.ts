import { type AttemptStarted, attemptFinishedSubject, type InferenceCallHead } from '#libs/contracts';
import type { HoldsClient } from '#libs/holds';
import type { Bus } from '#libs/messaging';
import { currentTrace, type Logger, type SpanHandle, traceIdOf } from '#libs/telemetry';
import type { Delivered, ModelLimits, RunningBody } from './intake.js';
import { attemptLost, readNote } from './lost-attempt.js';

export interface AccountParts {
  readonly bus: Bus;
  readonly logger: Logger;
  readonly holds: HoldsClient;
}

/** The request whose attempts are accounted for. */
export interface AccountedRequest {
  readonly head: InferenceCallHead;
  readonly running: RunningBody;
  readonly model: ModelLimits;
  readonly span: SpanHandle;
}

const nothing: Delivered = { events: 0, bytes: 0, firstByteAt: null };

/**
 * Keeps the numbers of a request's attempts, accounts for those whose worker vanished, and gives a hold back that no
 * worker will: nothing was started, or what was started is lost and cost nothing.
 */
export class AttemptAccount {
  /** Attempts of earlier calls. */
  private made: number;
  /** Of the call under way. */
  private notes: AttemptStarted[] = [];
  private noted = 0;
  private calledAt = 0;
  private released = false;

  constructor(
    private readonly parts: AccountParts,
    private readonly request: AccountedRequest,
  ) {
    this.made = request.head.attemptsMade;
  }

  /** Attempts spent if the call under way is given up: a number is never used twice, even if its note was lost. */
  get spent(): number {
    return this.made + Math.max(1, this.noted);
  }

  /** The head of the first call. */
  begin(): InferenceCallHead {
    this.calledAt = Date.now();
    return this.request.head;
  }

  /** The head of the call that replaces the one under way. */
  beginAgain(): InferenceCallHead {
    this.made = this.spent;
    this.notes = [];
    this.noted = 0;
    this.calledAt = Date.now();
    return { ...this.request.head, attemptsMade: this.made };
  }

  note(raw: unknown): void {
    this.noted++;
    const note = readNote(raw);
    if (note) this.notes.push(note);
  }

  /** The worker of the call under way vanished: ingress is the only witness left. */
  lost(delivered: Delivered): void {
    const { notes } = this;
    const last = notes.at(-1) ?? (this.isHeld ? this.unknownAttempt() : undefined);
    if (!last) return;
    // The worker reported the ones before, if it got that far; of two reports the ledger takes one.
    if (this.isHeld) for (const earlier of notes.slice(0, -1)) this.publish(earlier, nothing);
    this.publish(last, delivered);
  }

  /** The request is over. Where a worker took it, that worker releases or charges. */
  over(): void {
    if (this.noted === 0) this.release();
  }

  /** Nothing is charged, and no worker is left to say so. A charge that comes all the same is captured late. */
  release(): void {
    if (!this.isHeld || this.released) return;
    this.released = true;
    this.parts.holds.release(this.request.head.requestId);
  }

  private get isHeld(): boolean {
    return this.request.head.hold !== null;
  }

  /** The ledger knows the number, and must learn how it ended. */
  private unknownAttempt(): AttemptStarted {
    const { requestId, model } = this.request.head;
    const attemptId = `${requestId}#${this.made + 1}`;
    return { attemptId, provider: 'unknown', upstreamModel: model, price: {}, startedAt: this.calledAt };
  }

  private publish(note: AttemptStarted, delivered: Delivered): void {
    const { head, running, model, span } = this.request;
    const traceId = traceIdOf(span);
    const event = attemptLost({ head, running, model, note, delivered, traceId });
    this.parts.bus.publishEvent(attemptFinishedSubject, event, currentTrace(span)).catch((error: unknown) => {
      const fields = { requestId: head.requestId, attemptId: note.attemptId, error: error as Error };
      this.parts.logger.error(fields, 'an attempt whose worker vanished could not be accounted for');
    });
  }
}
