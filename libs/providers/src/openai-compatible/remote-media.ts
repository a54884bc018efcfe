import { GatewayError } from '#libs/contracts';
import { isDataUrl } from '../media/media-url.js';
import type { MediaKind } from '../media/media-bytes.js';
import { splice } from './json-edits.js';
import { JsonScanner, skipString } from './json-scan.js';

/** A file that a chat names by URL. */
export interface RemoteMedia {
  readonly url: string;
  readonly kind: MediaKind;
  /** `messages[0].content[1].image_url` */
  readonly param: string;
  /** Of the URL's JSON string in the body, its quotes included. */
  readonly start: number;
  readonly end: number;
}

type Place = Pick<RemoteMedia, 'url' | 'kind' | 'param'>;

const kinds: ReadonlyMap<string, MediaKind> = new Map([
  ['image_url', 'image'],
  ['audio_url', 'audio'],
  ['video_url', 'video'],
]);
/** The second to fourth: a key may be written with escapes of its letters, which nobody does to other text. */
const hints = ['_url', '\\u005', '\\u006', '\\u007'].map((text) => Buffer.from(text));

/** The files that a checked chat completion request names by URL, in their order. Costs next to nothing where there is none. */
export function remoteMediaIn(body: Uint8Array): readonly RemoteMedia[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (!hints.some((hint) => bytes.includes(hint))) return [];
  const places = placesOf(JSON.parse(bytes.toString()));
  if (places.length === 0) return [];
  const starts = stringsIn(bytes);
  if (starts.length !== places.length) {
    throw new GatewayError('json_too_deep', 'Nest the JSON of a request that names files by URL less than 30 deep.');
  }
  const all = places.map((place, index) => {
    const start = starts[index] as number;
    return { ...place, start, end: skipString(bytes, start, bytes.length) };
  });
  return all.filter(({ url }) => !isDataUrl(url));
}

/** The same body with other URLs. */
export function withMedia(body: Uint8Array, urls: ReadonlyMap<RemoteMedia, string>): Uint8Array {
  return splice(
    body,
    // A data URL holds nothing that JSON escapes.
    [...urls].map(([{ start, end }, url]) => ({ start, end, text: `"${url}"` })),
  );
}

/** In the order of the text, since parsing keeps the order of keys. */
function placesOf(root: unknown): Place[] {
  const places: Place[] = [];
  for (const [message, { content }] of (root as { messages: { content?: unknown }[] }).messages.entries()) {
    if (!Array.isArray(content)) continue;
    for (const [index, part] of (content as unknown[]).entries()) {
      places.push(...placesIn(part, `messages[${message}].content[${index}]`));
    }
  }
  return places;
}

function placesIn(part: unknown, path: string): Place[] {
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([name, value]: [string, unknown]) => {
    const kind = kinds.get(name);
    const isObject = typeof value === 'object' && value !== null && 'url' in value;
    const url = isObject ? value.url : value;
    return kind && typeof url === 'string' ? [{ url, kind, param: `${path}.${name}` }] : [];
  });
}

/** Where the strings start that `placesOf` found. Too few beyond the scanner's depth. */
function stringsIn(bytes: Buffer): number[] {
  const starts: number[] = [];
  /** Of the objects around: `messages` at 1, `content` at 3, `image_url` at 5. */
  const keys: string[] = [];
  const scanner = new JsonScanner({
    member: (depth, keyStart, keyEnd, valueStart) => {
      if (depth > 6) return;
      keys[depth] = JSON.parse(`"${bytes.toString('utf8', keyStart, keyEnd)}"`) as string;
      if (depth < 5 || bytes[valueStart] !== 0x22 || keys[1] !== 'messages' || keys[3] !== 'content') return;
      if (kinds.has(keys[5] ?? '') && (depth === 5 || keys[6] === 'url')) starts.push(valueStart);
    },
  });
  scanner.scan(bytes, 0, bytes.length);
  return starts;
}
