import { imageSize } from 'image-size';

/** What a URL may lead to. */
export type MediaKind = 'image' | 'audio' | 'video';

/** So much of a file tells its type. */
export const signatureBytes = 32;
const maxPixels = 40_000_000;

const imageTypes = ['image/png', 'image/jpeg', 'image/webp', 'image/gif'];

interface Signature {
  readonly contentType: string;
  readonly at: number;
  /** In hexadecimal. */
  readonly starts: string;
  /** At 8, in ASCII: what a container holds. */
  readonly form?: string;
}

const signatures: readonly Signature[] = [
  { contentType: 'image/png', at: 0, starts: '89504e470d0a1a0a' },
  { contentType: 'image/jpeg', at: 0, starts: 'ffd8ff' },
  { contentType: 'image/gif', at: 0, starts: '474946383761' },
  { contentType: 'image/gif', at: 0, starts: '474946383961' },
  { contentType: 'image/webp', at: 0, starts: '52494646', form: 'WEBP' },
  { contentType: 'audio/wav', at: 0, starts: '52494646', form: 'WAVE' },
  { contentType: 'audio/mpeg', at: 0, starts: '494433' },
  { contentType: 'audio/mpeg', at: 0, starts: 'fffb' },
  { contentType: 'audio/mpeg', at: 0, starts: 'fff3' },
  { contentType: 'audio/mpeg', at: 0, starts: 'fff2' },
  { contentType: 'audio/aac', at: 0, starts: 'fff1' },
  { contentType: 'audio/aac', at: 0, starts: 'fff9' },
  { contentType: 'audio/flac', at: 0, starts: '664c6143' },
  { contentType: 'audio/ogg', at: 0, starts: '4f676753' },
  { contentType: 'audio/mp4', at: 4, starts: '66747970', form: 'M4A ' },
  { contentType: 'video/mp4', at: 4, starts: '66747970' },
  { contentType: 'video/webm', at: 0, starts: '1a45dfa3' },
];

/** By content, whatever a header or a name says; undefined: none that is known here. SVG is a program, and is not. */
export function contentTypeOf(head: Uint8Array): string | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, signatureBytes));
  return signatures.find(
    ({ at, starts, form }) =>
      bytes.toString('hex', at, at + starts.length / 2) === starts &&
      (form === undefined || bytes.toString('latin1', 8, 12) === form),
  )?.contentType;
}

/** Containers hold sound or pictures: WebM and MP4 are taken as either. */
export function isOfKind(contentType: string, kind: MediaKind): boolean {
  if (kind === 'image') return imageTypes.includes(contentType);
  return contentType.startsWith(`${kind}/`) || (kind === 'audio' && contentType.startsWith('video/'));
}

/**
 * Why these bytes are no image that is taken here; undefined: they are one. With `isHead` they are the beginning of one,
 * and what cannot be told from it is left open.
 */
export function imageProblem(bytes: Uint8Array, { isHead = false } = {}): string | undefined {
  const contentType = contentTypeOf(bytes);
  if (contentType === undefined || !imageTypes.includes(contentType)) return 'it is no PNG, JPEG, WebP or GIF image';
  let width: number;
  let height: number;
  try {
    ({ width, height } = imageSize(bytes));
  } catch {
    return isHead ? undefined : 'it is damaged';
  }
  if (!(width > 0 && height > 0)) return 'it is damaged';
  return width * height > maxPixels
    ? `it has ${width} × ${height} pixels; the limit is ${maxPixels / 1e6} million`
    : undefined;
}
