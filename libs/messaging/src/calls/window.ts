import { initialWindow, largestWindow } from '../frame.js';

/** The sender's half of the credit: how far it may go. */
export class SendWindow {
  private sent = 0;
  private limit: number;

  constructor(initial = initialWindow) {
    this.limit = initial;
  }

  get room(): number {
    return this.limit - this.sent;
  }

  spend(bytes: number): void {
    this.sent += bytes;
  }

  /** `total` is cumulative, modulo 2^32; an older one than the last is ignored. */
  raise(total: number): boolean {
    const step = (total - this.limit) >>> 0;
    if (step === 0 || step >= 0x80000000) return false;
    this.limit += step;
    return true;
  }
}

/** The reader's half: what it granted, and when to grant more. */
export class ReceiveWindow {
  private received = 0;
  private consumed = 0;
  private limit: number;

  constructor(
    private size = initialWindow,
    private readonly largest = largestWindow,
  ) {
    this.limit = size;
  }

  /** False when the sender went beyond its credit. */
  receive(bytes: number): boolean {
    this.received += bytes;
    return this.received <= this.limit;
  }

  /** The new cumulative credit to send (modulo 2^32), or -1: half a window at a time, so that short replies need none. */
  consume(bytes: number): number {
    this.consumed = Math.min(this.consumed + bytes, this.received);
    if (this.consumed + this.size - this.limit < this.size / 2) return -1;
    // A reader that has next to nothing left to read is fast: let the sender run further ahead.
    if (this.received - this.consumed < this.size / 4) this.size = Math.min(this.size * 2, this.largest);
    this.limit = this.consumed + this.size;
    return this.limit >>> 0;
  }
}
