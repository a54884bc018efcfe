import { type FrameHeader, frameTypes, headerBytes, maxDataBytes, writeHeader, writePayloadLength } from '../frame.js';

/** What the postman needs of a connection. */
export interface Wire {
  readonly connected: boolean;
  publish(subject: string, data: Uint8Array, reply?: string): void;
}

/** Another process, known by its inbox, and the frames that wait for it. */
export class Peer {
  readonly subject: string;
  /** Calls in flight with it, in both roles; while there are any it is watched. */
  calls = 0;
  /** Sweeps since it was last written to or had a call. */
  idleSweeps = 0;
  buffer: Buffer | undefined;
  length = 0;
  /** Where in the buffer the frame written last begins, if it is data and can still grow. */
  openAt = -1;
  openCall = -1;

  constructor(
    readonly inbox: string,
    /** Ours; part of the reply subject of a probe. */
    readonly number: number,
  ) {
    this.subject = `${inbox}.m`;
  }
}

/** A message of its own that leaves with the next flush. */
interface Letter {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly reply: string;
  readonly isWanted: () => boolean;
}

/** Frames wait at most this long for others to the same process. */
const lazyFlushMs = 1;
const flushBytes = 32 * 1024;
const bufferBytes = 64 * 1024;
const keptBuffers = 64;

/**
 * Gathers frames for the same process into one message: socket writes are what costs. Urgent frames leave at the end
 * of this turn of the event loop, others within a millisecond.
 */
export class Postman {
  private readonly peers = new Map<string, Peer>();
  private readonly byNumber = new Map<number, Peer>();
  private lastNumber = 0;
  private waiting: Peer[] = [];
  private letters: Letter[] = [];
  private immediate: NodeJS.Immediate | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Published; the connection copies them before the next turn of the event loop. */
  private lent: Buffer[] = [];
  private readonly free: Buffer[] = [];

  constructor(private readonly wire: Wire) {}

  peer(inbox: string): Peer {
    const known = this.peers.get(inbox);
    if (known) return known;
    const peer = new Peer(inbox, ++this.lastNumber);
    this.peers.set(inbox, peer);
    this.byNumber.set(peer.number, peer);
    return peer;
  }

  peerByNumber(number: number): Peer | undefined {
    return this.byNumber.get(number);
  }

  known(): IterableIterator<Peer> {
    return this.peers.values();
  }

  /** Sends a whole message; dropped if no longer wanted when its turn comes. */
  letter(letter: Letter): void {
    this.letters.push(letter);
    this.hurry();
  }

  frame(peer: Peer, header: FrameHeader, payload?: Uint8Array): void {
    const length = payload?.length ?? 0;
    const buffer = this.reserve(peer, headerBytes + length);
    writeHeader(buffer, peer.length, header, length);
    if (payload) buffer.set(payload, peer.length + headerBytes);
    peer.openAt = header.type === frameTypes.data ? peer.length : -1;
    peer.openCall = header.call;
    this.added(peer, headerBytes + length);
  }

  /**
   * Adds data to the frame written last, if that is data of the same call: a burst of small pieces then costs the reader
   * one frame. False when it is not, or would grow too large.
   */
  extend(peer: Peer, call: number, payload: Uint8Array): boolean {
    const { buffer, openAt } = peer;
    if (!buffer || openAt < 0 || peer.openCall !== call) return false;
    const length = peer.length - openAt - headerBytes + payload.length;
    if (length > maxDataBytes || peer.length + payload.length > buffer.length) return false;
    buffer.set(payload, peer.length);
    writePayloadLength(buffer, openAt, length);
    this.added(peer, payload.length);
    return true;
  }

  /** `text` is JSON. */
  textFrame(peer: Peer, header: FrameHeader, text: string): void {
    const length = Buffer.byteLength(text);
    const buffer = this.reserve(peer, headerBytes + length);
    writeHeader(buffer, peer.length, header, length);
    buffer.write(text, peer.length + headerBytes);
    peer.openAt = -1;
    this.added(peer, headerBytes + length);
  }

  /** At the end of this turn of the event loop. */
  hurry(): void {
    this.immediate ??= setImmediate(this.flush);
  }

  /** Within a millisecond. */
  soon(): void {
    if (this.immediate === undefined) this.timer ??= setTimeout(this.flush, lazyFlushMs);
  }

  /** Forgets processes that have been silent for a while. */
  sweep(): void {
    for (const peer of this.peers.values()) {
      if (peer.calls > 0 || peer.buffer) peer.idleSweeps = 0;
      else if (++peer.idleSweeps > 12) {
        this.peers.delete(peer.inbox);
        this.byNumber.delete(peer.number);
      }
    }
  }

  readonly flush = (): void => {
    if (this.immediate) clearImmediate(this.immediate);
    if (this.timer) clearTimeout(this.timer);
    this.immediate = undefined;
    this.timer = undefined;
    // Cancels wait for the connection to come back; all else was dropped with its call.
    if (!this.wire.connected) return;
    this.recycle();
    const letters = this.letters;
    this.letters = [];
    for (const letter of letters) {
      if (letter.isWanted()) this.wire.publish(letter.subject, letter.data, letter.reply);
    }
    const waiting = this.waiting;
    this.waiting = [];
    for (const peer of waiting) this.publish(peer);
  };

  private recycle(): void {
    for (const buffer of this.lent) {
      if (this.free.length < keptBuffers) this.free.push(buffer);
    }
    this.lent = [];
  }

  private reserve(peer: Peer, bytes: number): Buffer {
    if (peer.buffer && peer.length + bytes > peer.buffer.length) this.publish(peer);
    if (!peer.buffer) {
      peer.buffer =
        bytes > bufferBytes ? Buffer.allocUnsafe(bytes) : (this.free.pop() ?? Buffer.allocUnsafe(bufferBytes));
      peer.length = 0;
      this.waiting.push(peer);
    }
    return peer.buffer;
  }

  private added(peer: Peer, bytes: number): void {
    peer.length += bytes;
    if (peer.length >= flushBytes) this.publish(peer);
  }

  private publish(peer: Peer): void {
    const buffer = peer.buffer;
    if (!buffer) return;
    peer.buffer = undefined;
    peer.openAt = -1;
    if (buffer.length === bufferBytes) this.lent.push(buffer);
    if (this.wire.connected) this.wire.publish(peer.subject, buffer.subarray(0, peer.length));
  }
}
