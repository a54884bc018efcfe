import type { Readable } from 'node:stream';
import type { GatewayErrorJson } from '#libs/contracts';
import type { IncomingCall, ReplyHead, TraceHeaders } from '../bus.js';
import { BodyReader } from './body-reader.js';
import { SendWindow } from './window.js';

/** Why a call was given up from outside the handler. */
export type AbortReason = 'cancel' | 'peer_lost' | 'deadline' | 'drain';

/** Where a served call's reply goes; one per adapter. */
export interface ReplyPort {
  note(note: object | undefined): void;
  head(head: ReplyHead): void;
  /** A view, valid during the call only; never beyond the window. */
  data(chunk: Uint8Array): void;
  end(trailer: object | undefined): void;
  fail(error: GatewayErrorJson): void;
  /** Asks the client for its body: so many bytes of this opening, in all, modulo 2^32. */
  pullBody(opening: number, total: number): void;
  /** The handler is done, and so is the wire: forget the call. */
  settled(): void;
}

export interface ServedCallRequest {
  readonly subject: string;
  readonly head: unknown;
  readonly body: Uint8Array;
  /** Bytes of a body that the client sends when it is asked to. */
  readonly pulledBytes?: number | undefined;
  readonly deadlineMs: number;
  readonly trace: TraceHeaders;
}

const resolved = Promise.resolve();

/** A call at its server: order of frames, credit, abort. Knows nothing of the wire. */
export class ServedCall implements IncomingCall {
  readonly subject: string;
  readonly head: unknown;
  readonly body: Uint8Array;
  readonly deadlineMs: number;
  readonly trace: TraceHeaders;
  private readonly pulledBytes: number | undefined;
  /** Made on first use. */
  private reader: BodyReader | undefined;
  private readonly window = new SendWindow();
  /** Accepted from the handler, waiting for credit; at most one chunk when the handler heeds `write`. */
  private waiting: Buffer[] = [];
  private accepted = false;
  private headSent = false;
  /** The client hears nothing more. */
  private over = false;
  /** The handler said `end` or `fail`. */
  private finished = false;
  private settled = false;
  /** In `port.data`: in one process the reader may grant credit before that returns. */
  private sending = false;
  private trailer: object | undefined;
  private abortReason: AbortReason | undefined;
  /** The client gave up and waits for the word that the handler is done. */
  private awaited = false;
  private controller: AbortController | undefined;
  private stopping: (() => void) | undefined;
  private room: { promise: Promise<void>; resolve: () => void } | undefined;

  constructor(
    request: ServedCallRequest,
    private readonly port: ReplyPort,
  ) {
    this.subject = request.subject;
    this.head = request.head;
    this.body = request.body;
    this.pulledBytes = request.pulledBytes;
    this.deadlineMs = request.deadlineMs;
    this.trace = request.trace;
  }

  /** Made on first use: an AbortController costs more than the rest of a short call. */
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.abortReason) this.controller.abort(this.abortReason);
    }
    return this.controller.signal;
  }

  get bodyBytes(): number {
    return this.pulledBytes ?? this.body.length;
  }

  openBody(): Readable {
    this.reader ??= this.readBody();
    return this.reader.open();
  }

  /** Bytes of a body that is pulled; false when some were lost before them. */
  takeBody(opening: number, position: number, chunk: Uint8Array): boolean {
    return this.reader?.take(opening, position, chunk) ?? true;
  }

  whenStopping(listener: () => void): void {
    this.stopping = listener;
  }

  accept(note?: object): void {
    if (this.over || this.finished) return;
    if (this.accepted || this.headSent) throw new Error('accept() comes once, before the head');
    this.accepted = true;
    this.port.note(note);
  }

  note(note: object): void {
    if (!this.over && !this.finished) this.port.note(note);
  }

  sendHead(head: ReplyHead): void {
    if (this.over || this.finished) return;
    if (this.headSent) throw new Error('sendHead() comes once');
    this.headSent = true;
    this.port.head(head);
  }

  write(chunk: Uint8Array): boolean {
    if (this.over || this.finished) return false;
    if (!this.headSent) throw new Error('sendHead() comes before write()');
    if (this.waiting.length > 0 || this.window.room < chunk.length) return this.writeBeyond(chunk);
    this.send(chunk);
    return !this.over && this.window.room > 0;
  }

  writable(): Promise<void> {
    if (this.over || this.window.room > 0) return resolved;
    if (!this.room) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.room = { promise, resolve };
    }
    return this.room.promise;
  }

  end(trailer?: object): void {
    if (this.finished) return;
    if (!this.over && !this.headSent) throw new Error('sendHead() comes before end()');
    this.finished = true;
    this.trailer = trailer;
    this.reader?.close('the call has ended');
    this.flushEnd();
  }

  fail(error: GatewayErrorJson): void {
    if (this.finished) return;
    this.finished = true;
    if (!this.over) {
      this.port.fail(error);
      this.close();
    }
    this.settle();
  }

  /** The handler said `end` or `fail`. */
  get isFinished(): boolean {
    return this.finished;
  }

  /** The client hears nothing more. */
  get isOver(): boolean {
    return this.over;
  }

  /** The reader granted more; `total` is cumulative, modulo 2^32. */
  credit(total: number): void {
    if (this.over || !this.window.raise(total) || this.sending) return;
    this.flushWaiting();
    if (this.window.room > 0) this.wake();
    this.flushEnd();
  }

  /** The client is gone or gave up: nothing is sent but the end; the handler learns it from `signal`. */
  abort(reason: AbortReason): void {
    if (this.over) return;
    this.abortReason ??= reason;
    this.awaited = reason !== 'peer_lost';
    this.close();
    this.controller?.abort(this.abortReason);
    if (this.finished) this.settle();
  }

  /** The process is stopping: the handler should come to an end, and may still say so to the client. */
  askToFinish(): void {
    this.stopping?.();
    if (this.over || this.abortReason) return;
    this.abortReason = 'drain';
    this.reader?.close('drain');
    this.controller?.abort('drain');
  }

  private readBody(): BodyReader {
    const body = { bytes: this.body, length: this.bodyBytes };
    const pulled = this.pulledBytes !== undefined;
    const reader = new BodyReader(body, pulled ? (opening, total) => this.port.pullBody(opening, total) : undefined);
    const closedBy = this.abortReason ?? (this.over || this.finished ? 'the call has ended' : undefined);
    if (closedBy !== undefined) reader.close(closedBy);
    return reader;
  }

  private writeBeyond(chunk: Uint8Array): boolean {
    let sent = 0;
    while (this.waiting.length === 0 && this.window.room > 0 && sent < chunk.length) {
      const part = chunk.subarray(sent, sent + this.window.room);
      sent += part.length;
      this.send(part);
    }
    if (this.over) return false;
    // A copy: the caller may reuse its buffer as soon as write() returns.
    if (sent < chunk.length) this.waiting.push(Buffer.from(chunk.subarray(sent)));
    return this.window.room > 0;
  }

  private flushWaiting(): void {
    while (this.window.room > 0) {
      const next = this.waiting[0];
      if (!next) return;
      const part = next.subarray(0, this.window.room);
      if (part.length === next.length) this.waiting.shift();
      else this.waiting[0] = next.subarray(part.length);
      this.send(part);
    }
  }

  private send(chunk: Uint8Array): void {
    this.window.spend(chunk.length);
    this.sending = true;
    this.port.data(chunk);
    this.sending = false;
  }

  private flushEnd(): void {
    if (!this.finished) return;
    if (!this.over) {
      if (this.waiting.length > 0) return;
      this.sendEnd();
      this.close();
    }
    this.settle();
  }

  private sendEnd(): void {
    try {
      this.port.end(this.trailer);
    } catch (error) {
      // A trailer that is no JSON: the client must not wait for ever for the sake of it.
      this.finished = false;
      this.fail({ code: 'internal_error', message: 'The gateway failed to handle this request.' });
      throw error;
    }
  }

  private close(): void {
    this.over = true;
    this.waiting = [];
    this.reader?.close(this.abortReason ?? 'the call has ended');
    this.wake();
  }

  private wake(): void {
    const room = this.room;
    this.room = undefined;
    room?.resolve();
  }

  private settle(): void {
    if (this.settled) return;
    this.settled = true;
    if (this.awaited) this.port.end(undefined);
    this.port.settled();
  }
}
