import { GatewayError } from '#libs/contracts';
import type { MediaBytes } from '../dialect.js';
import { contentTypeOf, imageProblem } from './media-bytes.js';
import { urlNotAllowed } from './media-url.js';

/** So much base64 is read of an image that is only looked at: a whole number of its groups. */
const headLength = 64 * 1024;
/** Where the comma must have come: a type and some parameters. */
const maxPrefixLength = 256;
const aliases: Readonly<Record<string, string>> = { 'image/jpg': 'image/jpeg', 'image/pjpeg': 'image/jpeg' };

/** An image in a `data:` URL, decoded. Throws `invalid_image`, or `image_url_not_allowed` where it says to be something else. */
export function readDataUrl(text: string, param: string): MediaBytes {
  const { declared, start } = prefixOf(text, param);
  const bytes = decoded(text.slice(start));
  if (!bytes) throw invalidImage(param, 'its base64 is not valid');
  const problem = imageProblem(bytes) ?? lieIn(bytes, declared);
  if (problem !== undefined) throw invalidImage(param, problem);
  return { bytes, contentType: contentTypeOf(bytes) as string };
}

/** The same without decoding it all: its beginning tells the type and nearly always the size. */
export function checkDataUrl(text: string, param: string): void {
  const { declared, start } = prefixOf(text, param);
  const isWhole = text.length - start <= headLength;
  const head = decoded(text.slice(start, start + headLength));
  const tailIsGood = isWhole || ((text.length - start) % 4 === 0 && decoded(text.slice(-1024)) !== undefined);
  if (!head || !tailIsGood) throw invalidImage(param, 'its base64 is not valid');
  const problem = imageProblem(head, { isHead: !isWhole }) ?? lieIn(head, declared);
  if (problem !== undefined) throw invalidImage(param, problem);
}

/** What the caller hears of an image that is none. */
export function invalidImage(param: string, why: string): GatewayError {
  const message = `The image in \`${param}\` cannot be used: ${why}. Send a PNG, JPEG, WebP or GIF image.`;
  return new GatewayError('invalid_image', message, { param });
}

function prefixOf(text: string, param: string): { readonly declared: string; readonly start: number } {
  const prefix = /^data:([^,;]*)((?:;[^,;]*)*),/i.exec(text.slice(0, maxPrefixLength));
  const declared = (prefix?.[1] ?? '').trim().toLowerCase();
  if (!prefix || !declared.startsWith('image/')) throw urlNotAllowed(param, 'it is a data URL and not of an image');
  if (!/;\s*base64\s*$/i.test(prefix[2] ?? '')) throw invalidImage(param, 'its data URL is not base64');
  return { declared: aliases[declared] ?? declared, start: prefix[0].length };
}

function lieIn(bytes: Uint8Array, declared: string): string | undefined {
  const contentType = contentTypeOf(bytes);
  return contentType === declared ? undefined : `it says ${declared.slice(0, 64)} and is ${contentType}`;
}

/** Undefined when it is not base64: Node's decoder skips what is none and takes the alphabet of URLs too. */
function decoded(base64: string): Buffer | undefined {
  if (base64.length % 4 !== 0 || base64.includes('-') || base64.includes('_')) return undefined;
  const padding = /={0,2}$/.exec(base64.slice(-2))?.[0].length ?? 0;
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length === (base64.length / 4) * 3 - padding ? bytes : undefined;
}
