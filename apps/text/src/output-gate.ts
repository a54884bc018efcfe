import type { ChatStream } from '#libs/providers';
import type { PaidOutput } from './paid-output.js';

/** Whose output goes through a gate. */
export interface GatedOutput {
  /** Nothing is read or stopped any more. */
  readonly over: boolean;
  /** What was waited for is there: the upstream is read again. */
  readOn(): void;
  /** All that is paid for was used. */
  stopAtLimit(stream: ChatStream): void;
}

/** Lets a stream go on as far as it is paid for, and stops reading it while the ledger has not answered. */
export class OutputGate {
  /** For the ledger: all that is paid for is used. */
  waiting = false;
  private isOpen = false;

  constructor(
    private readonly paid: PaidOutput,
    private readonly stream: ChatStream,
    private readonly output: GatedOutput,
  ) {
    stream.outputLimit = paid.limit;
    paid.onAnswer = () => this.ledgerAnswered();
  }

  /** False: nothing more is to be read until the ledger has answered, or at all. */
  passes(): boolean {
    return this.isOpen || this.stream.outputTokens < this.paid.lookAt || this.look();
  }

  /** The caller left: whatever the hold was for, the provider bills it all. */
  open(): void {
    this.isOpen = true;
    this.stream.outputLimit = Infinity;
    if (this.waiting) this.output.readOn();
    this.waiting = false;
  }

  private look(): boolean {
    const verdict = this.paid.look(this.stream.outputTokens);
    if (verdict === 'stop') this.output.stopAtLimit(this.stream);
    this.waiting = verdict === 'wait';
    return verdict === 'go';
  }

  private ledgerAnswered(): void {
    if (this.isOpen || this.output.over) return;
    this.stream.outputLimit = this.paid.limit;
    if (this.waiting && this.look()) this.output.readOn();
  }
}
