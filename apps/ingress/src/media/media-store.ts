import type { Readable } from 'node:stream';

/** Both ends belong to it, counted from 0. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** A file of our own store. */
export interface MediaFile {
  readonly bytes: number;
  readonly contentType: string;
  /** From its beginning or of a range; destroyed when the caller leaves. */
  open(range?: ByteRange): Promise<Readable>;
}

/** What `GET /v1/media` needs of the store. */
export interface MediaStore {
  find(name: string): Promise<MediaFile | undefined>;
}

/** Nest injection token of the `MediaStore`. */
export const MEDIA_STORE = Symbol.for('modapi.ingress.media-store');
