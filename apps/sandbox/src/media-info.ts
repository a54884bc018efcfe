import type { MediaPart } from './chat-message.js';

export interface ImageInfo {
  readonly format: string;
  readonly width: number;
  readonly height: number;
}

/** What can be told of an image, an audio or a file without looking anything up. */
export interface MediaInfo {
  readonly kind: MediaPart['kind'];
  readonly bytes: number | undefined;
  /** `PNG`, `WAV`, or the media type that a data URL claims. */
  readonly format: string | undefined;
  readonly image: ImageInfo | undefined;
  readonly seconds: number | undefined;
  /** A remote URL: it is named, never fetched. */
  readonly remoteUrl: string | undefined;
  readonly name: string | undefined;
}

/** Reads header bytes only. */
export function inspectMedia(part: MediaPart): MediaInfo {
  const nothing = { bytes: undefined, format: undefined, image: undefined, seconds: undefined, remoteUrl: undefined };
  const base = { ...nothing, kind: part.kind, name: part.kind === 'file' ? part.note : undefined };
  const dataUrl = /^data:([^;,]{0,100})[^,]{0,200},/.exec(part.source.slice(0, 400));
  if (dataUrl === null && part.kind === 'image') return { ...base, remoteUrl: part.source.slice(0, 300) };
  if (part.source === '') return base;
  const content = Buffer.from(part.source.slice(dataUrl?.[0].length ?? 0), 'base64');
  const image = imageInfo(content);
  return {
    ...base,
    bytes: content.length,
    image,
    seconds: wavSeconds(content),
    format: image?.format ?? audioFormat(content) ?? (dataUrl?.[1] || part.note?.toUpperCase()),
  };
}

type Reader = (content: Buffer) => ImageInfo | undefined;

/** One entry per image format; each looks at its own magic bytes. */
const imageReaders: readonly Reader[] = [png, gif, webp, jpeg];

/** Format and size of an image by its header, or undefined. */
export function imageInfo(content: Buffer): ImageInfo | undefined {
  for (const read of imageReaders) {
    const info = read(content);
    if (info !== undefined) return info;
  }
  return undefined;
}

function png(content: Buffer): ImageInfo | undefined {
  if (content.length < 24 || content.toString('latin1', 1, 4) !== 'PNG') return undefined;
  return { format: 'PNG', width: content.readUInt32BE(16), height: content.readUInt32BE(20) };
}

function gif(content: Buffer): ImageInfo | undefined {
  if (content.length < 10 || content.toString('latin1', 0, 4) !== 'GIF8') return undefined;
  return { format: 'GIF', width: content.readUInt16LE(6), height: content.readUInt16LE(8) };
}

function webp(content: Buffer): ImageInfo | undefined {
  if (content.length < 30 || content.toString('latin1', 8, 12) !== 'WEBP') return undefined;
  const chunk = content.toString('latin1', 12, 16);
  if (chunk === 'VP8X') {
    return { format: 'WebP', width: content.readUIntLE(24, 3) + 1, height: content.readUIntLE(27, 3) + 1 };
  }
  if (chunk === 'VP8L') {
    const bits = content.readUInt32LE(21);
    return { format: 'WebP', width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  return { format: 'WebP', width: content.readUInt16LE(26) & 0x3fff, height: content.readUInt16LE(28) & 0x3fff };
}

function jpeg(content: Buffer): ImageInfo | undefined {
  if (content.length < 4 || content.readUInt16BE(0) !== 0xffd8) return undefined;
  let at = 2;
  while (at + 9 < content.length && content[at] === 0xff) {
    const marker = content.readUInt8(at + 1);
    // C0 to CF start a frame and hold its size, save for DHT, JPG and DAC.
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      return { format: 'JPEG', height: content.readUInt16BE(at + 5), width: content.readUInt16BE(at + 7) };
    }
    at += 2 + content.readUInt16BE(at + 2);
  }
  return undefined;
}

/** Magic bytes of sound files: where they are, what they are, whose they are. */
const audioMagic: readonly (readonly [number, string, string])[] = [
  [8, 'WAVE', 'WAV'],
  [0, 'ID3', 'MP3'],
  [0, '\xff\xfb', 'MP3'],
  [0, '\xff\xf3', 'MP3'],
  [0, 'fLaC', 'FLAC'],
  [0, 'OggS', 'OGG'],
  [4, 'ftyp', 'MP4'],
  [0, '%PDF', 'PDF'],
];

function audioFormat(content: Buffer): string | undefined {
  return audioMagic.find(([at, magic]) => content.toString('latin1', at, at + magic.length) === magic)?.[2];
}

function wavSeconds(content: Buffer): number | undefined {
  if (content.length < 44 || content.toString('latin1', 8, 12) !== 'WAVE') return undefined;
  const bytesPerSecond = content.readUInt32LE(28);
  return bytesPerSecond === 0 ? undefined : (content.length - 44) / bytesPerSecond;
}

/** One line about a part: "a PNG image of 64 × 48 pixels (1234 bytes)". */
export function describeMedia(info: MediaInfo): string {
  if (info.remoteUrl !== undefined) return `an image at ${info.remoteUrl} (the sandbox fetches nothing)`;
  const size = info.bytes === undefined ? '' : ` (${info.bytes} bytes)`;
  const name = info.name === undefined ? '' : ` named ${info.name}`;
  if (info.image !== undefined)
    return `a ${info.image.format} image of ${info.image.width} × ${info.image.height} pixels${size}`;
  const article =
    info.format === undefined
      ? `an unreadable ${info.kind}`
      : `${/^[AEFHLMNORSX]/.test(info.format) ? 'an' : 'a'} ${info.format} ${info.kind}`;
  const length = info.seconds === undefined ? '' : ` of ${info.seconds.toFixed(1)} seconds`;
  return `${article}${name}${length}${size}`;
}
