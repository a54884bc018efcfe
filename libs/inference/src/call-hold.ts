import { type AttemptStarted, GatewayError, type InferenceCallHead } from '#libs/contracts';
import type { HoldsClient } from '#libs/holds';

/** The hold of one call: renewed while the call runs, extended for a long stream, released when nothing is charged. */
export class CallHold {
  private stopRenewing: (() => void) | undefined;

  constructor(
    private readonly holds: HoldsClient,
    private readonly head: InferenceCallHead,
  ) {
    if (head.hold) this.stopRenewing = holds.keep(head.requestId);
  }

  /** Puts an attempt on record before its upstream is called; the first one is, with the hold itself. */
  async record(attempt: number, { attemptId, provider, upstreamModel }: AttemptStarted): Promise<void> {
    if (!this.head.hold || attempt === 1) return;
    const { requestId } = this.head;
    if (await this.holds.change({ kind: 'intent', requestId, attemptId, provider, upstreamModel })) return;
    throw new GatewayError(
      'ledger_unavailable',
      'The first provider failed, and the ledger did not allow to ask another one. Nothing is charged. Retry the request.',
      { retryAfterSeconds: 2 },
    );
  }

  /** More money for a stream; `step` counts from 1. False: refused. Rejects when nobody answered. */
  extend(step: number, nanos: bigint): Promise<boolean> {
    return this.holds.change({ kind: 'extend', requestId: this.head.requestId, step, nanos: nanos.toString() });
  }

  /** The call is over. */
  end(charged: boolean): void {
    if (!this.stopRenewing) return;
    this.stopRenewing();
    this.stopRenewing = undefined;
    if (!charged) this.holds.release(this.head.requestId);
  }
}
