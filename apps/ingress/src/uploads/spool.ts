import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { GatewayError } from '#libs/contracts';
import type { UploadFolder } from './upload-folder.js';
import { noSpace, type SpaceShare } from './upload-space.js';

/** A file of a form on the disk. */
export interface SpooledFile {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256, base64url; there once the file was closed. */
  readonly digest: string;
}

/** The temporary files of one form: written one after another, removed all together. */
export class Spool {
  readonly files: SpooledFile[] = [];
  private writing: Writing | undefined;
  private work: Promise<void> = Promise.resolve();
  private gone: Promise<void> | undefined;

  constructor(
    private readonly folder: UploadFolder,
    private readonly share: SpaceShare,
  ) {}

  /** The files are being removed, or are. */
  get disposed(): boolean {
    return this.gone !== undefined;
  }

  /** Ends the file before, if any, and begins another; its place in `files` is the count of those before it. */
  begin(): Promise<void> {
    return this.inTurn(async () => {
      await this.end();
      const path = this.folder.newPath();
      // Never an existing file or a link to one.
      const handle = await open(path, 'wx', 0o600);
      this.writing = { handle, hash: createHash('sha256') };
      this.files.push({ path, bytes: 0, digest: '' });
    });
  }

  /** Appends to the file that was begun last. */
  append(chunk: Buffer): Promise<void> {
    return this.inTurn(async () => {
      const { writing } = this;
      const file = this.files.at(-1);
      if (!writing || !file) throw new Error('no file was begun');
      await this.share.take(chunk.length);
      await writeAll(writing.handle, chunk);
      writing.hash.update(chunk);
      this.files[this.files.length - 1] = { ...file, bytes: file.bytes + chunk.length };
    });
  }

  /** No file follows. */
  close(): Promise<void> {
    return this.inTurn(() => this.end());
  }

  /** Removes the files and gives their space back, after what is being written; more than once is once. */
  dispose(): Promise<void> {
    this.gone ??= this.work.then(
      () => this.remove(),
      () => this.remove(),
    );
    return this.gone;
  }

  /** One step at a time: none may begin once the files go. */
  private inTurn(step: () => Promise<void>): Promise<void> {
    if (this.gone) return Promise.reject(abandoned());
    this.work = this.work.then(step);
    return this.work;
  }

  private async end(): Promise<void> {
    const { writing } = this;
    const file = this.files.at(-1);
    if (!writing || !file) return;
    this.writing = undefined;
    await writing.handle.close();
    this.files[this.files.length - 1] = { ...file, digest: writing.hash.digest('base64url') };
  }

  private async remove(): Promise<void> {
    try {
      await this.writing?.handle.close();
      await Promise.all(this.files.map(({ path }) => rm(path, { force: true })));
    } finally {
      this.share.release();
    }
  }
}

interface Writing {
  readonly handle: FileHandle;
  readonly hash: Hash;
}

/** Told to nobody: who would hear it has left. */
export function abandoned(): GatewayError {
  return new GatewayError('bad_request', 'The request body ended before its announced length.');
}

async function writeAll(handle: FileHandle, chunk: Buffer): Promise<void> {
  try {
    for (let at = 0; at < chunk.length;) at += (await handle.write(chunk, at)).bytesWritten;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ENOSPC' || code === 'EDQUOT' ? noSpace(error) : error;
  }
}
