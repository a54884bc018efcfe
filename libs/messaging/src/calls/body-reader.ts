import type { Readable } from 'node:stream';
import { bodyPullWindow } from '../frame.js';
import { BodyStream } from './body-stream.js';
import { ReceiveWindow } from './window.js';

/** One byte of the frame tells the openings apart. */
const mostOpenings = 255;

/** The request body at its server: asks for it as it is read, and drops what an earlier opening had asked for. */
export class BodyReader {
  private opening = 0;
  private received = 0;
  private window = new ReceiveWindow(bodyPullWindow, bodyPullWindow);
  private stream: BodyStream | undefined;
  private closedBy: Error | undefined;

  constructor(
    private readonly body: { readonly bytes: Uint8Array; readonly length: number },
    /** `total` bytes of the opening may have been sent, modulo 2^32; absent when all bytes are here. */
    private readonly pull: ((opening: number, total: number) => void) | undefined,
  ) {}

  /** From the first byte; one reading at a time. */
  open(): Readable {
    if (this.pull && this.opening === mostOpenings)
      throw new Error(`a request body is opened at most ${mostOpenings} times`);
    this.stream?.destroy(new Error('the request body was opened again'));
    this.opening += 1;
    this.received = 0;
    this.window = new ReceiveWindow(bodyPullWindow, bodyPullWindow);
    const { opening } = this;
    const stream = new BodyStream(this.body.length, (bytes) => this.passed(opening, bytes));
    this.stream = stream;
    if (this.closedBy) stream.destroy(this.closedBy);
    else if (!this.pull) stream.arrive(this.body.bytes);
    else if (this.body.length > 0) this.pull(opening, bodyPullWindow);
    return stream;
  }

  /** Bytes as they arrive; an empty chunk only shows how far the client is. False when some were lost, or not asked for. */
  take(opening: number, position: number, chunk: Uint8Array): boolean {
    if (opening !== this.opening || this.closedBy) return true;
    if (position !== this.received || !this.window.receive(chunk.length)) return false;
    this.received += chunk.length;
    if (this.received > this.body.length) return false;
    this.stream?.arrive(chunk);
    return true;
  }

  /** The call is over: nothing more comes. */
  close(reason: string): void {
    if (this.closedBy) return;
    this.closedBy = new Error(`the request body is not sent any further: ${reason}`);
    this.stream?.destroy(this.closedBy);
    this.stream = undefined;
  }

  private passed(opening: number, bytes: number): void {
    if (!this.pull || opening !== this.opening || this.closedBy || this.stream?.destroyed) return;
    const total = this.window.consume(bytes);
    if (total >= 0 && this.received < this.body.length) this.pull(opening, total);
  }
}
