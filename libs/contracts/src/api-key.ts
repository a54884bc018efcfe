import { createHmac, type KeyObject, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const idLength = 12;
const secretLength = 32;
const checksumLength = 6;

/** What a key may do; part of its prefix, so that a reader of a config file sees it. */
export type KeyScope = 'inference' | 'admin';

const prefixes: Record<KeyScope, string> = { inference: 'sk-modapi-', admin: 'sk-modapi-admin-' };

/** Matches a key in any text, for secret scanners. */
export const apiKeyPattern = /sk-modapi-(?:admin-)?[0-9A-Za-z]{50}/;

/**
 * A new key: prefix, 12-character public id, 32-character secret (190 bits), 6-character CRC-32 of all before it,
 * so that a typo is refused without a look-up and secret scanners see few false positives.
 */
export function generateApiKey(scope: KeyScope): string {
  const body = prefixes[scope] + randomBase62(idLength + secretLength);
  return body + checksumOf(body);
}

/** The public id and scope of a well-formed key, or undefined. Checks form and checksum only. */
export function parseApiKey(key: string): { id: string; scope: KeyScope } | undefined {
  const scope: KeyScope = key.startsWith(prefixes.admin) ? 'admin' : 'inference';
  const prefix = prefixes[scope];
  if (key.length !== prefix.length + idLength + secretLength + checksumLength) return undefined;
  if (!key.startsWith(prefix) || !/^[0-9A-Za-z]+$/.test(key.slice(prefix.length))) return undefined;
  const body = key.slice(0, -checksumLength);
  if (checksumOf(body) !== key.slice(-checksumLength)) return undefined;
  return { id: `key_${key.slice(prefix.length, prefix.length + idLength)}`, scope };
}

/** What is stored of a key: HMAC-SHA256 of the whole key, base64url. Make `pepper` once (`createSecretKey`): a raw Buffer costs ten times more a call. */
export function digestApiKey(key: string, pepper: KeyObject): string {
  return createHmac('sha256', pepper).update(key).digest('base64url');
}

function checksumOf(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let place = 0; place < checksumLength; place++) {
    digits = alphabet.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

function randomBase62(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length * 2)) {
      // 248 = 4 × 62: bytes above would make some characters likelier than others.
      if (byte < 248 && text.length < length) text += alphabet.charAt(byte % 62);
    }
  }
  return text;
}
