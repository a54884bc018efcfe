import type { Readable } from 'node:stream';

/** Both ends belong to it, counted from 0. */
export interface BlobRange {
  readonly first: number;
  readonly last: number;
}

/** What is told of a file when it is stored. */
export interface NewBlob {
  /** One of `blobTypes`: what browsers are told is what we know. */
  readonly contentType: string;
  /** Whose it is; a folder of the name. */
  readonly organizationId: string;
  /** It is swept away within an hour after that. */
  readonly expiresAt: Date;
}

/** A stored file. */
export interface Blob {
  readonly bytes: number;
  readonly contentType: string;
  /** From its beginning, or of a range. A whole one is compared with its checksum and breaks off if it differs. */
  open(range?: BlobRange): Promise<Readable>;
}

/**
 * Files of the gateway's own, that others fetch by a signed link. Names are `<hour of expiry>/<organization>/<random>…`:
 * nobody guesses one, nothing of the caller is in them, and what has expired lies together.
 */
export interface BlobStore {
  /** Resolves with the name, once the file is there for good. */
  put(bytes: Uint8Array, blob: NewBlob): Promise<string>;
  /** Undefined: there is none, or it has expired. */
  find(name: string): Promise<Blob | undefined>;
  delete(name: string): Promise<void>;
  /** Removes what has expired; how many files. */
  sweep(now?: Date): Promise<number>;
  close(): Promise<void>;
}

/** Content types that are stored, and how their names end. */
export const blobTypes: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'image/gif': 'gif',
  'video/mp4': 'mp4',
  'audio/mpeg': 'mp3',
  'audio/wav': 'wav',
};
