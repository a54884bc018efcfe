import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseBuffer } from 'music-metadata';
import sharp from 'sharp';

/** A file of sound, as a player finds it. */
export interface Sound {
  /** Of the stream in it: `mp3`, `opus`, `aac`, `flac`, `pcm_s16le`. */
  readonly codec: string;
  readonly seconds: number;
}

const root = join(import.meta.dirname, '..', '..');
const ffprobe = join(root, 'node_modules/@ffprobe-installer/linux-x64/ffprobe');
const runFile = promisify(execFile);

/** Raw samples do not say what they are: OpenAI's are 24 kHz, mono, 16 bits. */
const rawPcm = ['-f', 's16le', '-ar', '24000', '-ac', '1'];
const mimeTypes: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  opus: 'audio/ogg',
  aac: 'audio/aac',
  flac: 'audio/flac',
  wav: 'audio/wav',
};

/** Decodes every frame with ffprobe, where there is one for this platform; else its headers are read. */
export function soundOf(bytes: Uint8Array, format: string): Promise<Sound> {
  return existsSync(ffprobe) ? played(bytes, format) : described(bytes, format);
}

async function played(bytes: Uint8Array, format: string): Promise<Sound> {
  const folder = await mkdtemp(join(tmpdir(), 'modapi-sound-'));
  try {
    const file = join(folder, `sound.${format}`);
    await writeFile(file, bytes);
    const show = ['-v', 'error', '-of', 'json', '-show_entries', 'stream=codec_name,sample_rate:frame=nb_samples'];
    const { stdout, stderr } = await runFile(ffprobe, [...show, ...(format === 'pcm' ? rawPcm : []), file], {
      maxBuffer: 64 * 1024 * 1024,
    });
    if (stderr !== '') throw new Error(`ffprobe on ${format}: ${stderr}`);
    const { streams, frames } = JSON.parse(stdout) as {
      streams: { codec_name: string; sample_rate: string }[];
      frames: { nb_samples: number }[];
    };
    const [stream] = streams;
    if (!stream) throw new Error(`ffprobe finds no sound in ${format}`);
    const samples = frames.reduce((sum, frame) => sum + frame.nb_samples, 0);
    return { codec: stream.codec_name, seconds: samples / Number(stream.sample_rate) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function described(bytes: Uint8Array, format: string): Promise<Sound> {
  if (format === 'pcm') return { codec: 'pcm_s16le', seconds: bytes.length / 48_000 };
  const mimeType = mimeTypes[format] ?? 'application/octet-stream';
  const { format: found } = await parseBuffer(bytes, { mimeType }, { duration: true });
  const codec = (found.codec ?? '').toLowerCase();
  const known = ['opus', 'aac', 'flac', 'pcm'].find((name) => codec.includes(name)) ?? 'mp3';
  return { codec: known === 'pcm' ? 'pcm_s16le' : known, seconds: found.duration ?? 0 };
}

/** A picture, decoded to its last pixel. */
export async function pictureOf(bytes: Uint8Array): Promise<{ format: string; width: number; height: number }> {
  const { format, width, height } = await sharp(bytes, { failOn: 'warning' }).metadata();
  await sharp(bytes, { failOn: 'warning' }).stats();
  return { format, width, height };
}

/** A square of one color. */
export function squarePng(side: number, background = '#cc3322'): Promise<Buffer> {
  return sharp({ create: { width: side, height: side, channels: 4, background } })
    .png()
    .toBuffer();
}

/** A picture that cannot be packed: random pixels, so that it has about as many bytes as are asked for. */
export async function noisePng(bytes: number): Promise<Buffer> {
  const side = Math.ceil(Math.sqrt(bytes / 3));
  const { randomFillSync } = await import('node:crypto');
  const pixels = randomFillSync(Buffer.allocUnsafe(side * side * 3));
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer();
}
