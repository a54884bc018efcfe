/**
 * Frames of a call on the wire. One bus message holds one or many, back to back. Header, little-endian:
 *
 *     0 version u8 · 1 type u8 · 2 flags u8 · 3 zero · 4 sequence u32 · 8 call u32 · 12 payload length u32
 *
 * `call` is the receiver's own number for the call, so that no subject is decoded per frame. `sequence` counts the
 * frames of one call in one direction from 0: the END's sequence is the count of frames before it.
 */
export const frameVersion = 1;
export const headerBytes = 16;
/** Largest payload of a DATA frame. */
export const maxDataBytes = 32 * 1024;
/** Bytes a server may send before the first CREDIT. */
export const initialWindow = 64 * 1024;
/** What the window of a fast reader grows to. */
export const largestWindow = 256 * 1024;
/** Payload of a BODY frame, and how far a client may run ahead with a request body. */
export const bodyFrameBytes = 128 * 1024;
export const bodyWindow = 1024 * 1024;
/** Largest payload of a PART frame: with its header it fits a buffer of the postman's. */
export const bodyPartBytes = 63 * 1024;
/** How far a client may run ahead of the reader of a body that is pulled; whole frames. */
export const bodyPullWindow = 8 * bodyPartBytes;

export const frameTypes = {
  /** Client → queue group: the call. */
  open: 1,
  /** Server → client; always the first: who took the call. */
  accept: 2,
  note: 3,
  head: 4,
  data: 5,
  /** Alive; its sequence shows whether the frame before it was lost. */
  ping: 6,
  end: 7,
  error: 8,
  /** `sequence` holds the bytes of request body that may have been sent, modulo 2^32. */
  bodyCredit: 9,
  /** Payload: the number of the opening u8, then the bytes of it that may have been sent u32, modulo 2^32. */
  bodyPull: 10,
  /** Client → server. `sequence` holds the bytes of reply that may have been sent, modulo 2^32: a lost one is repaired by the next. */
  credit: 16,
  cancel: 17,
  alive: 18,
  body: 19,
  /** A piece of a pulled body: `flags` is its opening, `sequence` its position. Empty: shows how far the client is. */
  part: 20,
} as const;

/** `error` frame: a frame of the request body was lost. */
export const gapFlag = 1;
/** `cancel` frame: the client's deadline passed. */
export const deadlineFlag = 1;
/** `open` frame: the body follows in BODY frames. */
export const bodyFollowsFlag = 1;
/** `open` frame: the body comes in PART frames, as far as the server pulls it. */
export const bodyPulledFlag = 2;

export interface FrameHeader {
  readonly type: number;
  readonly flags?: number;
  readonly sequence: number;
  readonly call: number;
}

/** Writes the 16 bytes at `offset`. */
export function writeHeader(target: Buffer, offset: number, header: FrameHeader, length: number): void {
  target.writeUInt8(frameVersion, offset);
  target.writeUInt8(header.type, offset + 1);
  target.writeUInt16LE(header.flags ?? 0, offset + 2);
  target.writeUInt32LE(header.sequence, offset + 4);
  target.writeUInt32LE(header.call, offset + 8);
  target.writeUInt32LE(length, offset + 12);
}

/** The payload of the frame at `offset` has grown. */
export function writePayloadLength(target: Buffer, offset: number, length: number): void {
  target.writeUInt32LE(length, offset + 12);
}

/** Walks over the frames of one message without making an object per frame. */
export class FrameReader {
  type = 0;
  flags = 0;
  sequence = 0;
  call = 0;
  private start = 0;
  private finish = 0;
  private readonly bytes: Buffer;

  constructor(message: Uint8Array) {
    this.bytes = Buffer.isBuffer(message)
      ? message
      : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  }

  /** Moves to the next frame; false at the end. Throws on anything that is not a whole frame of our version. */
  next(): boolean {
    const at = this.finish;
    if (at === this.bytes.length) return false;
    if (at + headerBytes > this.bytes.length) throw new Error('a frame header is cut off');
    if (this.bytes[at] !== frameVersion) throw new Error(`frame version ${this.bytes[at]} is not spoken here`);
    this.type = this.bytes.readUInt8(at + 1);
    this.flags = this.bytes.readUInt8(at + 2);
    this.sequence = this.bytes.readUInt32LE(at + 4);
    this.call = this.bytes.readUInt32LE(at + 8);
    this.start = at + headerBytes;
    this.finish = this.start + this.bytes.readUInt32LE(at + 12);
    if (this.finish > this.bytes.length) throw new Error('a frame is cut off');
    return true;
  }

  /** A view; valid as long as the message. */
  payload(): Buffer {
    return this.bytes.subarray(this.start, this.finish);
  }

  /** The payload as JSON; undefined when empty. */
  json(): unknown {
    if (this.start === this.finish) return undefined;
    return JSON.parse(this.bytes.toString('utf8', this.start, this.finish));
  }
}
