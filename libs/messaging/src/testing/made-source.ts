import { createHash } from 'node:crypto';
import type { BodySource } from '../bus.js';

/** Longer than any piece, and of no round length: bytes that come from a wrong position show. */
const block = Buffer.alloc(1_048_573);
for (let at = 0; at < block.length; at++) block[at] = (at * 31 + (at >>> 8) * 7) & 0xff;
const twice = Buffer.concat([block, block]);

/** A source that holds nothing, and writes down what was read of it. */
export class MadeSource implements BodySource {
  reads = 0;
  bytesRead = 0;
  /** At once in `read`. */
  most = 0;
  private under = 0;
  private readonly waiters: { bytes: number; resolve: () => void }[] = [];

  constructor(
    readonly length: number,
    private readonly change: (position: number, bytes: Buffer) => Buffer | Promise<Buffer> = (_, bytes) => bytes,
  ) {}

  async read(position: number, maxBytes: number): Promise<Uint8Array> {
    this.reads += 1;
    this.under += 1;
    this.most = Math.max(this.most, this.under);
    await new Promise(setImmediate); // as from a disk
    this.under -= 1;
    const bytes = await this.change(position, madeBytes(position, Math.min(maxBytes, this.length - position)));
    this.bytesRead += bytes.length;
    for (const { bytes: due, resolve } of this.waiters) if (this.bytesRead >= due) resolve();
    return bytes;
  }

  /** Resolves once so many bytes were read, in all openings together. */
  hasRead(bytes: number): Promise<void> {
    if (this.bytesRead >= bytes) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ bytes, resolve }));
  }
}

function madeBytes(position: number, bytes: number): Buffer {
  const start = position % block.length;
  return twice.subarray(start, start + Math.min(bytes, block.length));
}

/** Of what a whole `MadeSource` of this length gives. */
export function madeHash(length: number): string {
  const hash = createHash('sha256');
  for (let at = 0; at < length; at += block.length) hash.update(madeBytes(at, Math.min(block.length, length - at)));
  return hash.digest('hex');
}

/** What arrives of a body; rejects when it is cut off. */
export async function hashOf(body: AsyncIterable<Uint8Array>): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
