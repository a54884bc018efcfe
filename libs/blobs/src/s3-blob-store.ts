import type { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { isOver, newBlobName, readBlobName } from './blob-name.js';
import type { Blob, BlobRange, BlobStore, NewBlob } from './blob-store.js';
import { checkedStream } from './checked-stream.js';

/** Where a bucket is. */
export interface S3Place {
  readonly bucket: string;
  /** Before all names, with a slash at its end; empty: none. */
  readonly prefix: string;
  /** Undefined: Amazon's. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** As many as one request of S3 removes. */
const sweptAtOnce = 1_000;

/** A bucket of any server that speaks S3's protocol. Credentials are given, never looked for on the machine. */
export class S3BlobStore implements BlobStore {
  private readonly client: S3Client;

  constructor(private readonly place: S3Place) {
    const { endpoint, region, accessKeyId, secretAccessKey } = place;
    this.client = new S3Client({
      region,
      credentials: { accessKeyId, secretAccessKey },
      // Servers other than Amazon's know neither host names per bucket nor its newer checksum trailers.
      ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      maxAttempts: 3,
    });
  }

  async put(bytes: Uint8Array, blob: NewBlob): Promise<string> {
    const name = newBlobName(bytes, blob);
    const known = readBlobName(name);
    await this.client.send(
      new PutObjectCommand({
        ...this.at(name),
        Body: bytes,
        ContentLength: bytes.length,
        ContentType: blob.contentType,
        // The server refuses what was changed on the way.
        ...(known && { ChecksumSHA256: Buffer.from(known.sha256, 'base64url').toString('base64') }),
      }),
    );
    return name;
  }

  async find(name: string): Promise<Blob | undefined> {
    const known = readBlobName(name);
    if (!known || isOver(known.hour, new Date())) return undefined;
    const { contentType, sha256 } = known;
    try {
      const { ContentLength: bytes = 0 } = await this.client.send(new HeadObjectCommand(this.at(name)));
      return { bytes, contentType, open: (range) => this.open(name, sha256, range) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async delete(name: string): Promise<void> {
    if (readBlobName(name)) await this.client.send(new DeleteObjectCommand(this.at(name)));
  }

  /** Names begin with their hour, and a list is sorted: what has expired comes first, so the first page without any is the last. */
  async sweep(now = new Date()): Promise<number> {
    const { bucket, prefix } = this.place;
    let removed = 0;
    let after: string | undefined;
    for (;;) {
      const listed = await this.client.send(
        new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: `${prefix}2`,
          MaxKeys: sweptAtOnce,
          // Behind what was seen: a file that may not be removed is not met again.
          ...(after !== undefined && { StartAfter: after }),
        }),
      );
      const keys = (listed.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
      after = keys.at(-1);
      removed += await this.remove(keys.filter((key) => this.isOver(key, now)));
      if (!listed.IsTruncated || after === undefined || this.isCurrent(after, now)) return removed;
    }
  }

  close(): Promise<void> {
    this.client.destroy();
    return Promise.resolve();
  }

  /** How many are gone; an error tells of those that are not. */
  private async remove(keys: readonly string[]): Promise<number> {
    if (keys.length === 0) return 0;
    const Delete = { Objects: keys.map((Key) => ({ Key })), Quiet: true };
    const { Errors: failed = [] } = await this.client.send(
      new DeleteObjectsCommand({ Bucket: this.place.bucket, Delete }),
    );
    const [first] = failed;
    if (first)
      throw new Error(`${failed.length} expired files could not be removed: ${first.Code ?? 'no reason given'}`);
    return keys.length;
  }

  private isCurrent(key: string, now: Date): boolean {
    const known = readBlobName(key.slice(this.place.prefix.length));
    return known !== undefined && !isOver(known.hour, now);
  }

  private isOver(key: string, now: Date): boolean {
    const known = readBlobName(key.slice(this.place.prefix.length));
    return known !== undefined && isOver(known.hour, now);
  }

  private async open(name: string, sha256: string, range: BlobRange | undefined): Promise<Readable> {
    const Range = range && `bytes=${range.first}-${range.last}`;
    const { Body: body } = await this.client.send(new GetObjectCommand({ ...this.at(name), ...(Range && { Range }) }));
    if (!body) throw new Error('the bucket answered without a body');
    return range ? (body as Readable) : checkedStream(body as Readable, sha256);
  }

  private at(name: string): { Bucket: string; Key: string } {
    return { Bucket: this.place.bucket, Key: this.place.prefix + name };
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && ['NotFound', 'NoSuchKey', '404'].includes(error.name);
}
