import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { isOver, newBlobName, readBlobName } from './blob-name.js';
import type { Blob, BlobRange, BlobStore, NewBlob } from './blob-store.js';
import { checkedStream } from './checked-stream.js';

/** Files in a folder: of the standalone, and of every process on one machine. */
export class DiskBlobStore implements BlobStore {
  constructor(private readonly folder: string) {}

  async put(bytes: Uint8Array, blob: NewBlob): Promise<string> {
    const name = newBlobName(bytes, blob);
    const path = join(this.folder, name);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // Under another name until it is whole and on the disk: nobody finds half a file.
    const draft = `${path}.part`;
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } catch (error) {
      await file.close();
      await rm(draft, { force: true });
      throw error;
    }
    await file.close();
    await rename(draft, path);
    return name;
  }

  async find(name: string): Promise<Blob | undefined> {
    const known = readBlobName(name);
    if (!known || isOver(known.hour, new Date())) return undefined;
    const path = join(this.folder, name);
    const found = await stat(path).catch(absent);
    if (!found) return undefined;
    const { contentType, sha256 } = known;
    return { bytes: found.size, contentType, open: (range) => Promise.resolve(readFrom(path, sha256, range)) };
  }

  async delete(name: string): Promise<void> {
    if (readBlobName(name)) await rm(join(this.folder, name), { force: true });
  }

  async sweep(now = new Date()): Promise<number> {
    const hours = (await readdir(this.folder).catch(absent)) ?? [];
    let removed = 0;
    for (const hour of hours.filter((each) => /^\d{10}$/.test(each) && isOver(each, now))) {
      const path = join(this.folder, hour);
      const inside = (await readdir(path, { recursive: true, withFileTypes: true }).catch(absent)) ?? [];
      removed += inside.filter((entry) => entry.isFile()).length;
      await rm(path, { recursive: true, force: true });
    }
    return removed;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function readFrom(path: string, sha256: string, range: BlobRange | undefined): Readable {
  if (range) return createReadStream(path, { start: range.first, end: range.last });
  return checkedStream(createReadStream(path), sha256);
}

/** Not there is an answer; anything else is a fault. */
function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
