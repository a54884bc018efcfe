import { Readable } from 'node:stream';

const aheadBytes = 64 * 1024;

/** One reading of a request body, from its start: ends after exactly `total` bytes. */
export class BodyStream extends Readable {
  private readonly waiting: Uint8Array[] = [];
  private passed = 0;
  private wanted = false;
  private ended = false;

  constructor(
    private readonly total: number,
    /** The reader took this many bytes more off our hands. */
    private readonly onPassed: (bytes: number) => void,
  ) {
    super({ highWaterMark: aheadBytes });
    // A call may be given up while nobody listens to its body: that must not end the process. Readers still hear of it.
    this.on('error', () => {});
  }

  arrive(chunk: Uint8Array): void {
    if (this.destroyed || chunk.length === 0) return;
    this.waiting.push(chunk);
    this.passOn();
  }

  override _read(): void {
    this.wanted = true;
    this.passOn();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.waiting.length = 0;
    done(error);
  }

  private passOn(): void {
    try {
      while (this.wanted && !this.destroyed) {
        const chunk = this.waiting.shift();
        if (!chunk) break;
        this.passed += chunk.length;
        this.wanted = this.push(chunk);
        this.onPassed(chunk.length);
      }
      this.endWhenWhole();
    } catch (error) {
      // A listener of the reader threw: its stream fails, and not the wire's reader that called us.
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private endWhenWhole(): void {
    if (this.passed < this.total || this.ended || this.destroyed) return;
    this.ended = true;
    this.push(null);
  }
}
