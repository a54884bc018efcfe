import { type EventFrame, EventFramer, type EventSink } from './event-framing.js';
import { startsWith } from './json-scan.js';
import { OutputBuffer } from './output-buffer.js';

/** What a stream of typed events (`{"type": "…", …}`) is made of. */
export interface TypedEventsOptions {
  /** Types of the event that ends a whole answer: `speech.audio.done`. */
  readonly last: readonly string[];
  /** A type whose events are many and large: where it stands first, the event is passed on unread. */
  readonly bulk?: string;
  /**
   * Hears of every event that is passed on; of one that is not read only its type and its size. What it answers goes
   * to the caller in place of the event.
   */
  hear(event: Readonly<Record<string, unknown>>, dataBytes: number): object | undefined | void;
}

/** Why a stream cannot go on; `error` is the upstream's own object. */
export type TypedEventsFault = { readonly kind: 'garbled' } | { readonly kind: 'error'; readonly error: unknown };

/** A stream of typed events on its way to the caller (speech, transcripts, images): passed on, and read beside. */
export class TypedEvents implements EventSink {
  /** The last event came; what follows is not read. */
  done = false;
  fault: TypedEventsFault | undefined;
  private readonly framer = new EventFramer(this);
  private readonly output = new OutputBuffer((bytes) => {
    this.passed = Buffer.from(bytes);
  });
  private readonly bulkStarts: readonly Buffer[];
  private passed: Buffer | undefined;

  constructor(private readonly options: TypedEventsOptions) {
    const { bulk } = options;
    this.bulkStarts =
      bulk === undefined ? [] : [`{"type":"${bulk}"`, `{"type": "${bulk}"`].map((text) => Buffer.from(text));
  }

  /** What of a read of the upstream goes to the caller. */
  push(chunk: Uint8Array): Buffer | undefined {
    this.passed = undefined;
    this.framer.push(chunk);
    return this.passed;
  }

  event(bytes: Buffer, frame: EventFrame): void {
    const { start, end, dataStart, dataEnd } = frame;
    if (this.bulkStarts.some((text) => startsWith(bytes, dataStart, text))) {
      this.options.hear({ type: this.options.bulk }, dataEnd - dataStart);
      this.output.append(bytes, start, end);
      return;
    }
    const data = bytes.toString('utf8', dataStart, dataEnd);
    if (data === '' || data === '[DONE]') return;
    const event = recordOf(data);
    if (!event) {
      this.stop({ kind: 'garbled' });
    } else if (event['error'] != null || event['type'] === 'error') {
      this.stop({ kind: 'error', error: event['error'] ?? event });
    } else {
      const instead = this.options.hear(event, dataEnd - dataStart);
      if (instead) this.appendNew(instead);
      else this.output.append(bytes, start, end);
      if (this.options.last.includes(String(event['type']))) {
        this.done = true;
        this.framer.stop();
      }
    }
  }

  comment(): void {
    // Keeps a connection alive; the caller's is our own affair.
  }

  endOfRead(): void {
    this.output.flush();
  }

  overflow(): void {
    this.stop({ kind: 'garbled' });
  }

  private appendNew(event: object): void {
    const bytes = Buffer.from(`data: ${JSON.stringify(event)}\n\n`);
    this.output.append(bytes, 0, bytes.length);
  }

  private stop(fault: TypedEventsFault): void {
    this.fault = fault;
    this.framer.stop();
  }
}

function recordOf(data: string): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
