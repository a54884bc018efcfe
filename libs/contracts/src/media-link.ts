import { createHmac, timingSafeEqual } from 'node:crypto';

/** The query of a link to a file of our own store. */
export interface MediaLink {
  /** Unix seconds: the link is good until then. */
  readonly expires: number;
  /** HMAC-SHA256 of name and expiry, base64url. */
  readonly signature: string;
}

/** What is found out about a link. */
export type MediaLinkState = 'good' | 'expired' | 'forged';

/** Names that a link may carry: the keys of the store, folders included, and nothing that a path could climb by. */
export const mediaName = /^(?!.*\.\.)[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,7}$/;

/** The secret that links are signed with, where none was configured: it follows from the pepper of the keys. */
export function mediaSecretFrom(pepper: string): string {
  return createHmac('sha256', pepper).update('modapi/media-links/v1').digest('base64url');
}

/** Signs a link to `name` that is good until `expires`, in Unix seconds. */
export function signMedia(name: string, expires: number, secret: string): MediaLink {
  return { expires, signature: digestOf(name, expires, secret).toString('base64url') };
}

/** The link as a URL; `base` ends with a slash: `https://gateway.example/v1/media/`. */
export function mediaUrlOf(base: string, name: string, { expires, signature }: MediaLink): string {
  return `${base}${name}?expires=${expires}&signature=${signature}`;
}

/** What a link is worth at `now`, in Unix seconds; the signature is judged first, and in constant time. */
export function checkMedia(
  name: string,
  link: MediaLink,
  { secret, now }: { secret: string; now: number },
): MediaLinkState {
  const given = Buffer.from(link.signature, 'base64url');
  const due = digestOf(name, link.expires, secret);
  // Several spellings of base64 are one to the decoder: only ours is taken.
  const exact = given.length === due.length && given.toString('base64url') === link.signature;
  if (!mediaName.test(name) || !exact || !timingSafeEqual(given, due)) return 'forged';
  return link.expires > now ? 'good' : 'expired';
}

function digestOf(name: string, expires: number, secret: string): Buffer {
  return createHmac('sha256', secret).update(`${name}\n${expires}`).digest();
}
