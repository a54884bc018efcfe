// Reads HTTP/1.1 answers from a raw socket, cheaply and in any split: head, then a body by length or in chunks.

const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');
const none = Buffer.alloc(0);

/** Counts occurrences of a marker in a body that arrives in pieces, also where a piece ends inside a marker. */
export class MarkerCounter {
  count = 0;
  #marker;
  #tail = none;

  /** @param {Buffer} marker */
  constructor(marker) {
    this.#marker = marker;
  }

  reset() {
    this.count = 0;
    this.#tail = none;
  }

  /** @param {Buffer} piece */
  add(piece) {
    const bytes = this.#tail.length === 0 ? piece : Buffer.concat([this.#tail, piece]);
    let from = 0;
    for (let at = bytes.indexOf(this.#marker); at !== -1; at = bytes.indexOf(this.#marker, from)) {
      this.count += 1;
      from = at + this.#marker.length;
    }
    this.#tail = bytes.subarray(Math.max(from, bytes.length - this.#marker.length + 1));
  }
}

/**
 * One answer after the other on one connection.
 * `onBody(piece)` gets the body without its framing, `onEnd(status, keepAlive)` says that it is whole.
 */
export class AnswerReader {
  #rest = none;
  #onBody;
  #onEnd;
  /** @type {'head' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer'} */
  #state = 'head';
  #left = 0;
  #status = 0;
  #keepAlive = true;

  constructor({ onBody, onEnd }) {
    this.#onBody = onBody;
    this.#onEnd = onEnd;
  }

  /** True between two answers. */
  get isIdle() {
    return this.#state === 'head' && this.#rest.length === 0;
  }

  /** @param {Buffer} bytes */
  push(bytes) {
    let buffer = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    this.#rest = none;
    while (buffer.length > 0) {
      const taken = this.#step(buffer);
      if (taken === 0) break;
      buffer = buffer.subarray(taken);
    }
    this.#rest = buffer;
  }

  /** Bytes that it could use; 0 when it needs more. */
  #step(buffer) {
    switch (this.#state) {
      case 'head':
        return this.#head(buffer);
      case 'length':
      case 'chunk':
        return this.#body(buffer);
      case 'chunk-size':
        return this.#chunkSize(buffer);
      case 'chunk-end':
        if (buffer.length < 2) return 0;
        this.#state = 'chunk-size';
        return 2;
      default: {
        const at = buffer.indexOf(lineEnd);
        if (at === -1) return 0;
        if (at === 0) this.#end();
        return at + 2;
      }
    }
  }

  #head(buffer) {
    const at = buffer.indexOf(headEnd);
    if (at === -1) return 0;
    const head = buffer.latin1Slice(0, at + 2).toLowerCase();
    this.#status = Number(head.slice(9, 12));
    this.#keepAlive = !head.includes('\r\nconnection: close');
    const length = head.indexOf('\r\ncontent-length:');
    if (head.includes('\r\ntransfer-encoding: chunked')) {
      this.#state = 'chunk-size';
    } else if (length !== -1) {
      this.#left = Number.parseInt(head.slice(length + 17), 10);
      if (this.#left === 0) this.#end();
      else this.#state = 'length';
    } else {
      throw new Error('an answer without length');
    }
    return at + 4;
  }

  #body(buffer) {
    const piece = buffer.length > this.#left ? buffer.subarray(0, this.#left) : buffer;
    this.#left -= piece.length;
    this.#onBody(piece);
    if (this.#left === 0) {
      if (this.#state === 'chunk') this.#state = 'chunk-end';
      else this.#end();
    }
    return piece.length;
  }

  #chunkSize(buffer) {
    const at = buffer.indexOf(lineEnd);
    if (at === -1) return 0;
    this.#left = Number.parseInt(buffer.latin1Slice(0, at), 16);
    if (!Number.isInteger(this.#left)) throw new Error('a chunk without size');
    this.#state = this.#left === 0 ? 'trailer' : 'chunk';
    return at + 2;
  }

  #end() {
    this.#state = 'head';
    this.#onEnd(this.#status, this.#keepAlive);
  }
}
