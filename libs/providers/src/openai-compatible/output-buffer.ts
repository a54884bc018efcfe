/** Collects what goes to the caller of one read: a single stretch of the source is passed on without a copy. */
export class OutputBuffer {
  private source: Buffer | undefined;
  private start = 0;
  private end = 0;
  private length = 0;

  constructor(private readonly write: (bytes: Uint8Array) => void) {}

  append(source: Buffer, start: number, end: number): void {
    if (start === end) return;
    if (this.source === source && this.end === start) {
      this.end = end;
      return;
    }
    this.settle();
    this.source = source;
    this.start = start;
    this.end = end;
  }

  /** One write, if there is anything. The bytes are valid during the write only. */
  flush(): void {
    if (this.length === 0) {
      const { source } = this;
      this.source = undefined;
      if (source) this.write(source.subarray(this.start, this.end));
      return;
    }
    this.settle();
    const { length } = this;
    const filled = scratch;
    this.length = 0;
    // Taken out while it is read, should a write ever lead to another one.
    scratch = empty;
    this.write(filled.subarray(0, length));
    if (filled.length <= maxScratchBytes) scratch = filled;
  }

  /** Copies the open stretch behind what was copied before. */
  private settle(): void {
    const { source } = this;
    if (!source) return;
    const needed = this.length + this.end - this.start;
    if (needed > scratch.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, scratch.length * 2, 16 * 1024));
      scratch.copy(larger, 0, 0, this.length);
      scratch = larger;
    }
    source.copy(scratch, this.length, this.start, this.end);
    this.length = needed;
    this.source = undefined;
  }
}

const maxScratchBytes = 256 * 1024;
const empty = Buffer.alloc(0);
/** One for the whole process: it is filled and written within one read. */
let scratch = empty;
