import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OnApplicationShutdown } from '@nestjs/common';

const prefix = 'modapi-uploads-';
const folderForm = /^modapi-uploads-\d+-\w+$/;

/** The heartbeat of a folder, by which other processes know that it is in use. */
export interface UploadFolderOptions {
  readonly beatMs?: number;
  /** Several beats may be lost before a folder counts as left. */
  readonly staleMs?: number;
  /** Told of a beat, or a look for what others left, that failed. */
  readonly onTrouble?: (error: Error) => void;
}

/**
 * The private folder of one ingress for the files of forms in flight. Its time of change is its heartbeat: on a volume
 * of several containers a process id says nothing, since each of them counts its own.
 */
export class UploadFolder implements OnApplicationShutdown {
  private readonly timer: NodeJS.Timeout;
  private readonly staleMs: number;
  private readonly onTrouble: (error: Error) => void;
  private sweptAt = Date.now();
  private closed = false;

  private constructor(
    private readonly parent: string,
    readonly path: string,
    { beatMs = 15_000, staleMs = 60_000, onTrouble = () => undefined }: UploadFolderOptions,
  ) {
    this.staleMs = staleMs;
    this.onTrouble = onTrouble;
    this.timer = setInterval(() => void this.beat(), beatMs).unref();
  }

  /** Makes the folder in `parent` (default: the system's temporary one) and removes those that nobody keeps any more. */
  static async open(parent: string = tmpdir(), options: UploadFolderOptions = {}): Promise<UploadFolder> {
    await mkdir(parent, { recursive: true, mode: 0o700 });
    // Made with mode 700.
    const path = await mkdtemp(join(parent, `${prefix}${process.pid}-`));
    const folder = new UploadFolder(parent, path, options);
    try {
      await folder.removeLeftovers();
    } catch (error) {
      folder.onApplicationShutdown();
      throw error;
    }
    return folder;
  }

  /** A path that no file has; nothing of the caller's is in it. */
  newPath(): string {
    return join(this.path, randomBytes(18).toString('hex'));
  }

  /** With all that is in it, at once: the process is about to end. */
  onApplicationShutdown(): void {
    this.closed = true;
    clearInterval(this.timer);
    rmSync(this.path, { recursive: true, force: true });
  }

  private async beat(): Promise<void> {
    try {
      const now = new Date();
      await utimes(this.path, now, now);
      // What died less than this ago was still too young when this process started.
      if (now.getTime() - this.sweptAt >= this.staleMs) await this.removeLeftovers();
    } catch (error) {
      if (!this.closed) this.onTrouble(error as Error);
    }
  }

  private async removeLeftovers(): Promise<void> {
    this.sweptAt = Date.now();
    const entries = await readdir(this.parent, { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory() && folderForm.test(entry.name));
    const paths = folders.map(({ name }) => join(this.parent, name)).filter((path) => path !== this.path);
    await Promise.all(paths.map((path) => removeIfLeft(path, Date.now() - this.staleMs)));
  }
}

/** Another user's folder is not ours to remove, and another ingress may be removing the same one. */
async function removeIfLeft(path: string, staleBefore: number): Promise<void> {
  try {
    const { mtimeMs } = await stat(path);
    if (mtimeMs < staleBefore) await rm(path, { recursive: true, force: true });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EACCES', 'EPERM', 'ENOTEMPTY', 'ENOENT'].includes(code)) throw error;
  }
}
