import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { blobStoreConformance } from './blob-store.conformance.js';
import type { BlobStore } from './blob-store.js';
import { openBlobStore } from './open-blob-store.js';

let folder: string;
let store: BlobStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blobs-'));
  store = await openBlobStore({ url: pathToFileURL(folder).href });
});
afterAll(() => rm(folder, { recursive: true }));

blobStoreConformance('a disk', () => ({
  store,
  spoil: async (name) => {
    const path = join(folder, name);
    await writeFile(path, Buffer.alloc((await stat(path)).size));
  },
}));

it('leaves no half-written file, and lets nobody else read', async () => {
  const blob = { contentType: 'image/png', organizationId: 'org_b', expiresAt: new Date(Date.now() + 3_600_000) };
  const name = await store.put(Buffer.from('x'), blob);
  expect((await readdir(folder, { recursive: true })).filter((each) => each.endsWith('.part'))).toEqual([]);
  expect((await stat(join(folder, name))).mode & 0o077).toBe(0);
});
