import { hash, randomBytes } from 'node:crypto';
import { blobTypes, type NewBlob } from './blob-store.js';

/** What a name says. */
export interface BlobName {
  /** `2026112223`, UTC: the file is good until this hour has ended. */
  readonly hour: string;
  readonly sha256: string;
  readonly contentType: string;
}

const pattern = /^(\d{10})\/[\w-]{1,80}\/[\w-]{22}-([\w-]{43})\.([a-z0-9]{2,4})$/;
const typeByEnding = new Map(Object.entries(blobTypes).map(([type, ending]) => [ending, type]));

/** A name that nobody guesses: 128 random bits, and the checksum of the content. */
export function newBlobName(bytes: Uint8Array, { contentType, organizationId, expiresAt }: NewBlob): string {
  const ending = blobTypes[contentType];
  if (ending === undefined) throw new Error(`no files of type ${contentType} are stored`);
  if (!/^[\w-]{1,80}$/.test(organizationId)) throw new Error('the organization has no name for a folder');
  const checksum = hash('sha256', bytes, 'base64url');
  return `${hourOf(expiresAt)}/${organizationId}/${randomBytes(16).toString('base64url')}-${checksum}.${ending}`;
}

/** Undefined for what no store has named: it is never looked up, so no path climbs out of it. */
export function readBlobName(name: string): BlobName | undefined {
  const [, hour, sha256, ending] = pattern.exec(name) ?? [];
  const contentType = typeByEnding.get(ending ?? '');
  return hour !== undefined && sha256 !== undefined && contentType !== undefined
    ? { hour, sha256, contentType }
    : undefined;
}

/** The hour in which a time lies, as folders are called. */
export function hourOf(time: Date): string {
  return time.toISOString().slice(0, 13).replaceAll(/\D/g, '');
}

/** Whether all of an hour is over. */
export function isOver(hour: string, now: Date): boolean {
  return hour < hourOf(now);
}
