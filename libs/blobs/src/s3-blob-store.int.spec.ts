import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { blobStoreConformance } from './blob-store.conformance.js';
import type { BlobStore } from './blob-store.js';
import { openBlobStore } from './open-blob-store.js';
import { type S3Server, startS3Server } from './testing/s3-server.js';

let folder: string;
let server: S3Server;
let store: BlobStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 's3-'));
  server = await startS3Server(folder);
  store = await openBlobStore({ url: `s3://${server.bucket}/blobs?endpoint=${server.url}`, ...server.credentials });
});
afterAll(async () => {
  await store.close();
  await server.close();
  await rm(folder, { recursive: true });
});

blobStoreConformance('a bucket', () => ({
  store,
  spoil: async (name) => {
    const { url, bucket, credentials } = server;
    const client = new S3Client({ endpoint: url, region: 'us-east-1', forcePathStyle: true, credentials });
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: `blobs/${name}`, Body: Buffer.alloc(200_000) }));
    client.destroy();
  },
}));

describe('a bucket', () => {
  it('wants the right key', async () => {
    const wrong = await openBlobStore({
      url: `s3://${server.bucket}?endpoint=${server.url}`,
      ...server.credentials,
      accessKeyId: 'another',
    });
    const blob = { contentType: 'image/png', organizationId: 'org_a', expiresAt: new Date(Date.now() + 3_600_000) };
    await expect(wrong.put(Buffer.from('x'), blob)).rejects.toThrow();
    await wrong.close();
  });

  it.each([
    ['ftp://bucket', /file:\/\/\/folder, or s3:\/\/bucket/],
    ['s3://user:word@bucket', /no user or password/],
    ['s3://bucket', /BLOB_ACCESS_KEY_ID/],
    ['no url', /BLOB_URL/],
  ])('is not opened by %s', async (url, reason) => {
    await expect(openBlobStore({ url })).rejects.toThrow(reason);
  });
});
