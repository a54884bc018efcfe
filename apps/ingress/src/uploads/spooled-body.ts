import { type FileHandle, open } from 'node:fs/promises';
import type { BodySource } from '#libs/messaging';
import type { SpooledFile } from './spool.js';

/** The files of a form back to back, read again for each attempt; one of them is open at a time. */
export class SpooledBody implements BodySource {
  readonly length: number;
  /** Where each file begins, and the end of the last one. */
  private readonly starts: readonly number[];
  private current: { readonly index: number; readonly handle: FileHandle } | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(private readonly files: readonly SpooledFile[]) {
    const starts = [0];
    for (const { bytes } of files) starts.push((starts.at(-1) as number) + bytes);
    this.starts = starts;
    this.length = starts.at(-1) as number;
  }

  read(position: number, maxBytes: number): Promise<Uint8Array> {
    const reading = this.turn.then(() => this.readNow(position, maxBytes));
    // The next reader does not wait for the luck of this one.
    this.turn = reading.catch(() => undefined);
    return reading;
  }

  /** After the read in flight; later ones are rejected. */
  async close(): Promise<void> {
    this.closed = true;
    await this.turn;
    await this.leave();
  }

  private async readNow(position: number, maxBytes: number): Promise<Uint8Array> {
    if (this.closed) throw new Error('the upload is over');
    if (position >= this.length) {
      await this.leave();
      return new Uint8Array(0);
    }
    const index = this.indexAt(position);
    const handle = await this.enter(index);
    const [start, end] = [this.starts[index] as number, this.starts[index + 1] as number];
    const piece = Buffer.allocUnsafe(Math.min(maxBytes, end - position));
    const { bytesRead } = await handle.read(piece, 0, piece.length, position - start);
    if (bytesRead === 0) throw new Error('a file of an upload is shorter than it was');
    // Nobody asks for what comes after the end: this was the last read, unless the body is sent again.
    if (position + bytesRead === this.length) await this.leave();
    return piece.subarray(0, bytesRead);
  }

  /** Empty files have no position of their own. */
  private indexAt(position: number): number {
    return this.files.findIndex((_file, index) => position < (this.starts[index + 1] as number));
  }

  private async enter(index: number): Promise<FileHandle> {
    if (this.current?.index !== index) {
      await this.leave();
      const { path } = this.files[index] as SpooledFile;
      this.current = { index, handle: await open(path, 'r') };
    }
    return this.current.handle;
  }

  private async leave(): Promise<void> {
    const { current } = this;
    this.current = undefined;
    await current?.handle.close();
  }
}
