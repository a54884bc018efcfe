import { z } from 'zod';
import type { BlobStore } from './blob-store.js';
import { openBlobStore } from './open-blob-store.js';

/** What an app that keeps files, or hands them out, reads of the environment. */
export const blobEnvironment = z.object({
  /** `file:///folder`, or `s3://bucket/prefix?endpoint=https://…&region=…`; without it no files are kept. */
  BLOB_URL: z.string().optional(),
  BLOB_ACCESS_KEY_ID: z.string().optional(),
  BLOB_SECRET_ACCESS_KEY: z.string().optional(),
});
export type BlobEnvironment = z.infer<typeof blobEnvironment>;

/** The store of an environment, or null where it names none. */
export async function blobStoreOf(env: BlobEnvironment): Promise<BlobStore | null> {
  const { BLOB_URL: url, BLOB_ACCESS_KEY_ID: accessKeyId, BLOB_SECRET_ACCESS_KEY: secretAccessKey } = env;
  return url ? openBlobStore({ url, accessKeyId, secretAccessKey }) : null;
}
