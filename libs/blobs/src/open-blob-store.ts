import { fileURLToPath } from 'node:url';
import type { BlobStore } from './blob-store.js';
import { DiskBlobStore } from './disk-blob-store.js';
import type { S3Place } from './s3-blob-store.js';

/** Where files are kept, as the environment says it. */
export interface BlobPlace {
  /** `file:///var/lib/modapi/blobs`, or `s3://bucket/prefix?endpoint=http://minio:9000&region=us-east-1`. */
  readonly url: string;
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
}

/** Opens a store; an error says what is wrong with its URL, and never tells the credentials. */
export async function openBlobStore(place: BlobPlace): Promise<BlobStore> {
  const url = URL.canParse(place.url) ? new URL(place.url) : undefined;
  if (url?.protocol === 'file:') return new DiskBlobStore(fileURLToPath(url));
  if (url?.protocol !== 's3:') {
    throw new Error('BLOB_URL: write file:///folder, or s3://bucket/prefix?endpoint=https://…&region=…');
  }
  // Loaded where it is needed: the client takes 30 MB.
  const { S3BlobStore } = await import('./s3-blob-store.js');
  return new S3BlobStore(s3PlaceOf(url, place));
}

function s3PlaceOf(url: URL, { accessKeyId, secretAccessKey }: BlobPlace): S3Place {
  if (url.username !== '' || url.password !== '') {
    throw new Error('BLOB_URL: no user or password; set BLOB_ACCESS_KEY_ID and BLOB_SECRET_ACCESS_KEY');
  }
  if (!accessKeyId || !secretAccessKey) {
    throw new Error('BLOB_URL names a bucket: set BLOB_ACCESS_KEY_ID and BLOB_SECRET_ACCESS_KEY');
  }
  const endpoint = url.searchParams.get('endpoint') ?? undefined;
  if (endpoint !== undefined && !URL.canParse(endpoint)) throw new Error('BLOB_URL: `endpoint` is not a URL');
  const prefix = url.pathname.replace(/^\/+|\/+$/g, '');
  return {
    bucket: url.hostname,
    prefix: prefix === '' ? '' : `${prefix}/`,
    endpoint,
    region: url.searchParams.get('region') ?? 'us-east-1',
    accessKeyId,
    secretAccessKey,
  };
}
