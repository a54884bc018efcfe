import { fileTypeFromBuffer } from 'file-type';

/** What a file is, by its content. */
export interface FileType {
  readonly kind: 'audio' | 'image';
  readonly contentType: string;
  /** What providers expect at the end of its name; any of them, the first is ours. */
  readonly extensions: readonly [string, ...string[]];
}

/** How much of a file tells what it is. */
export const sampleBytes = 4_100;

const mp3: FileType = { kind: 'audio', contentType: 'audio/mpeg', extensions: ['mp3', 'mpga', 'mpeg'] };
const mp4: FileType = { kind: 'audio', contentType: 'audio/mp4', extensions: ['mp4', 'm4a'] };
const m4a: FileType = { kind: 'audio', contentType: 'audio/mp4', extensions: ['m4a', 'mp4'] };
const ogg: FileType = { kind: 'audio', contentType: 'audio/ogg', extensions: ['ogg', 'oga', 'opus'] };

/** By the names that the detector has for them. */
const types: Readonly<Record<string, FileType>> = {
  mp3,
  mp2: mp3,
  mp1: mp3,
  mpg: { kind: 'audio', contentType: 'video/mpeg', extensions: ['mpeg', 'mpg'] },
  mp4,
  m4v: mp4,
  m4a,
  m4b: m4a,
  f4a: m4a,
  ogg,
  oga: ogg,
  opus: ogg,
  spx: ogg,
  wav: { kind: 'audio', contentType: 'audio/wav', extensions: ['wav'] },
  flac: { kind: 'audio', contentType: 'audio/flac', extensions: ['flac'] },
  webm: { kind: 'audio', contentType: 'audio/webm', extensions: ['webm'] },
  aac: { kind: 'audio', contentType: 'audio/aac', extensions: ['aac'] },
  png: { kind: 'image', contentType: 'image/png', extensions: ['png'] },
  apng: { kind: 'image', contentType: 'image/png', extensions: ['png'] },
  jpg: { kind: 'image', contentType: 'image/jpeg', extensions: ['jpg', 'jpeg'] },
  webp: { kind: 'image', contentType: 'image/webp', extensions: ['webp'] },
};

/** What may be written in an error for each kind. */
export const acceptedTypes: Readonly<Record<FileType['kind'], string>> = {
  audio: 'flac, mp3, mp4, mpeg, mpga, m4a, ogg, wav, webm or aac',
  image: 'png, jpeg or webp',
};

/** Undefined for what no endpoint takes. `sample` is the beginning of the file. */
export async function fileTypeOf(sample: Buffer): Promise<FileType | undefined> {
  // The detector would unpack these to see what is inside.
  if (isArchive(sample)) return undefined;
  const found = await fileTypeFromBuffer(sample);
  return found && Object.hasOwn(types, found.ext) ? types[found.ext] : undefined;
}

function isArchive(sample: Buffer): boolean {
  return (sample[0] === 0x1f && sample[1] === 0x8b) || (sample[0] === 0x50 && sample[1] === 0x4b);
}
