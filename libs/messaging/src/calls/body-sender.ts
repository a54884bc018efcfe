import { type BodySource, CallError } from '../bus.js';
import { bodyPartBytes } from '../frame.js';
import { SendWindow } from './window.js';

/** What a source that is read tells its call; one per adapter. */
export interface BodySenderLink {
  part(opening: number, position: number, chunk: Uint8Array): void;
  failed(error: CallError): void;
}

/** Whether the body is read while it is sent. */
export function isBodySource(body: Uint8Array | BodySource): body is BodySource {
  return !ArrayBuffer.isView(body);
}

/** A body source at its client: read only as far as the server asks, one piece at a time. */
export class BodySender {
  /** 0: not asked for yet. */
  opening = 0;
  /** Of the next byte to send. */
  position = 0;
  private window = new SendWindow(0);
  private reading = false;
  private stopped = false;

  constructor(
    private readonly source: BodySource,
    private readonly link: BodySenderLink,
  ) {}

  /** A higher opening than the last begins at the first byte again. */
  pull(opening: number, total: number): void {
    if (this.stopped || opening < this.opening) return;
    if (opening > this.opening) {
      this.opening = opening;
      this.position = 0;
      this.window = new SendWindow(0);
    }
    this.window.raise(total);
    if (!this.reading) void this.send(); // its failures reach the link
  }

  /** Some of it was asked for. */
  get isUnderWay(): boolean {
    return this.opening > 0 && !this.stopped;
  }

  stop(): void {
    this.stopped = true;
  }

  private async send(): Promise<void> {
    this.reading = true;
    for (let most = this.room; most > 0; most = this.room) {
      const { opening, position } = this;
      try {
        const chunk = await this.source.read(position, most);
        if (this.stopped || opening !== this.opening) continue;
        if (chunk.length === 0 || chunk.length > most) {
          throw new RangeError(`the source gave ${chunk.length} bytes at ${position} where 1 to ${most} were due`);
        }
        this.position += chunk.length;
        this.window.spend(chunk.length);
        this.link.part(opening, position, chunk);
      } catch (error) {
        this.fail(error);
      }
    }
    this.reading = false;
  }

  private get room(): number {
    if (this.stopped) return 0;
    return Math.min(bodyPartBytes, this.window.room, this.source.length - this.position);
  }

  private fail(cause: unknown): void {
    if (this.stopped) return;
    this.stopped = true;
    this.link.failed(new CallError('body_failed', 'the request body could not be read', undefined, { cause }));
  }
}
