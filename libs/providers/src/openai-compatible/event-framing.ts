import { startsWith } from './json-scan.js';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const colon = 0x3a;
const space = 0x20;
const dataField = Buffer.from('data:');
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** No event is larger: a provider that sends one is not obeying the protocol. */
export const maxEventBytes = 5 * 1024 * 1024;

/** Hears of whole events; every one is a single `data:` line, whatever the upstream wrote. */
export interface EventSink {
  /** The event with its blank line is [start, end) and can be passed on; its data is [dataStart, dataEnd). */
  event(bytes: Buffer, frame: EventFrame): void;
  /** Comments keep a connection alive and mean nothing else. */
  comment(): void;
  overflow(): void;
  /** Every whole event of this read was handed out; the memory of their bytes is used again now. */
  endOfRead(): void;
}

/** One object per stream, used again for each event. */
export interface EventFrame {
  start: number;
  end: number;
  dataStart: number;
  dataEnd: number;
}

/**
 * Cuts a byte stream into server-sent events, however reads split them (WHATWG HTML, "Server-sent events"). The usual
 * event costs two searches and no copy. Others (several data lines, other fields, lone carriage returns) are
 * written anew as one data line, so no field of an upstream reaches a caller.
 */
export class EventFramer {
  private readonly frame: EventFrame = { start: 0, end: 0, dataStart: 0, dataEnd: 0 };
  /** Bytes of an event that is not whole yet. */
  private held = Buffer.alloc(0);
  private heldBytes = 0;
  private lineStart = 0;
  private searchedTo = 0;
  /** End of the first line of the unfinished event, or -1. */
  private firstFeed = -1;
  private started = false;
  private stopped = false;
  private bareReturns = false;

  constructor(private readonly sink: EventSink) {}

  /** Bytes of an unfinished event are waiting. */
  get pending(): boolean {
    return this.heldBytes > 0;
  }

  /** Whatever comes from now on is ignored. */
  stop(): void {
    this.stopped = true;
    this.held = Buffer.alloc(0);
    this.heldBytes = 0;
  }

  push(chunk: Uint8Array): void {
    if (this.stopped || chunk.length === 0) return;
    const plain = this.bareReturns ? withLineFeeds(chunk) : chunk;
    if (!this.started || this.heldBytes > 0) this.hold(plain);
    if (!this.started && !this.start()) return;
    const bytes = this.heldBytes > 0 ? this.held.subarray(0, this.heldBytes) : asBuffer(plain);
    const consumed = this.cut(bytes);
    this.sink.endOfRead();
    if (!this.stopped) this.keep(bytes, consumed);
  }

  /** Appends to the unfinished event; the buffer doubles, so a slow drip costs no more than its bytes. */
  private hold(chunk: Uint8Array): void {
    const needed = this.heldBytes + chunk.length;
    if (needed > this.held.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.held.length * 2, 512));
      this.held.copy(larger, 0, 0, this.heldBytes);
      this.held = larger;
    }
    this.held.set(chunk, this.heldBytes);
    this.heldBytes = needed;
  }

  /** Drops a byte order mark and learns the line ends; false while too little is there to tell. */
  private start(): boolean {
    const bytes = this.held.subarray(0, this.heldBytes);
    const marked = byteOrderMark.compare(bytes, 0, Math.min(3, bytes.length)) === 0;
    if (bytes.length < 3 && bytes[0] === 0xef) return false;
    const skipped = marked ? 3 : 0;
    const returned = bytes.indexOf(carriageReturn);
    const fed = bytes.indexOf(lineFeed);
    // A carriage return at the very end may be the first half of CRLF.
    if (fed < 0 && (returned < 0 || returned === bytes.length - 1)) return this.overflowed(bytes.length);
    this.bareReturns = returned >= 0 && (fed < 0 || fed > returned + 1);
    const rest = this.bareReturns ? withLineFeeds(bytes.subarray(skipped)) : Buffer.from(bytes.subarray(skipped));
    this.heldBytes = 0;
    this.hold(rest);
    this.started = true;
    return true;
  }

  private overflowed(length: number): false {
    if (length > maxEventBytes) {
      this.stop();
      this.sink.overflow();
    }
    return false;
  }

  /** Hands out every whole event; the offset after the last one. */
  private cut(bytes: Buffer): number {
    let eventStart = 0;
    for (;;) {
      let feed = bytes.indexOf(lineFeed, this.searchedTo);
      if (feed < 0) {
        this.searchedTo = bytes.length;
        return eventStart;
      }
      if (feed > this.lineStart && !(feed === this.lineStart + 1 && bytes[this.lineStart] === carriageReturn)) {
        if (this.firstFeed < 0) this.firstFeed = feed;
        this.lineStart = feed + 1;
        this.searchedTo = feed + 1;
        // The blank line of the usual event is seen without another search.
        if (bytes[feed + 1] !== lineFeed) continue;
        feed++;
      }
      // A blank line ends the event.
      this.lineStart = feed + 1;
      this.searchedTo = feed + 1;
      this.emit(bytes, eventStart, feed + 1);
      if (this.stopped) return bytes.length;
      this.firstFeed = -1;
      eventStart = feed + 1;
    }
  }

  private emit(bytes: Buffer, start: number, end: number): void {
    const { frame, firstFeed } = this;
    // One line and the blank one, both with or without a carriage return.
    if (firstFeed < 0 || end - firstFeed > 3 || !startsWith(bytes, start, dataField)) {
      this.emitRewritten(bytes.subarray(start, end));
      return;
    }
    frame.start = start;
    frame.end = end;
    frame.dataStart = bytes[start + 5] === space ? start + 6 : start + 5;
    frame.dataEnd = bytes[firstFeed - 1] === carriageReturn ? firstFeed - 1 : firstFeed;
    this.sink.event(bytes, frame);
  }

  private emitRewritten(bytes: Buffer): void {
    const lines = bytes.toString('utf8').split(/\r?\n/);
    const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).replace(/^ /, ''));
    if (data.length === 0) {
      if (lines.some((line) => line.charCodeAt(0) === colon)) this.sink.comment();
      return;
    }
    // Line feeds inside JSON are only white space, and one data line cannot carry them.
    const written = Buffer.from(`data: ${data.join(' ')}\n\n`);
    const { frame } = this;
    frame.start = 0;
    frame.end = written.length;
    frame.dataStart = 6;
    frame.dataEnd = written.length - 2;
    this.sink.event(written, frame);
  }

  /** Keeps what is unfinished for the next read. */
  private keep(bytes: Buffer, consumed: number): void {
    const rest = bytes.length - consumed;
    this.lineStart -= consumed;
    this.searchedTo -= consumed;
    if (this.firstFeed >= 0) this.firstFeed -= consumed;
    if (rest > maxEventBytes) {
      this.overflowed(rest);
    } else if (this.heldBytes > 0) {
      if (consumed > 0) this.held.copyWithin(0, consumed, this.heldBytes);
      this.heldBytes = rest;
      // A rare giant does not stay in memory for the rest of a long stream.
      if (rest === 0 && this.held.length > 64 * 1024) this.held = Buffer.alloc(0);
    } else if (rest > 0) {
      this.hold(bytes.subarray(consumed));
    }
  }
}

function withLineFeeds(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  for (let index = 0; index < copy.length; index++) {
    if (copy[index] === carriageReturn) copy[index] = lineFeed;
  }
  return copy;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
