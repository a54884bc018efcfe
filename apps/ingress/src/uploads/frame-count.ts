import type { FileHandle } from 'node:fs/promises';

/** What the head of one frame says. */
interface Frame {
  readonly bytes: number;
  readonly seconds: number;
}

const pieceBytes = 256 * 1024;
/** Enough for the head of any frame. */
const headBytes = 7;
/** The longest frame of ADTS; those of MPEG audio are shorter. */
const frameBytes = 8_191;

/** kbit/s by layer (III, II, I), for MPEG-1 and for MPEG-2 and 2.5. */
const rates1 = [
  [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
];
const low = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const rates2 = [low, low, [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256]];
const mpegHertz = [44_100, 48_000, 32_000];
/** By version: 2.5, reserved, 2, 1. */
const mpegDivisors = [4, 0, 2, 1];
/** By layer (III, II, I). */
const samples1 = [1_152, 1_152, 384];
const samples2 = [576, 1_152, 384];
const adtsHertz = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];

/**
 * Seconds of MP3 or AAC as bare frames, each of them counted: their rate may change, and the tables that some files
 * begin with may lie. Undefined without a frame.
 */
export async function secondsOfFrames(handle: FileHandle, bytes: number): Promise<number | undefined> {
  let seconds = 0;
  let piece = Buffer.alloc(0);
  let start = 0;
  for (let at = await audioStart(handle); at + headBytes <= bytes;) {
    if (at + headBytes > start + piece.length) {
      start = at;
      piece = Buffer.alloc(Math.min(pieceBytes, bytes - at));
      await handle.read(piece, 0, piece.length, at);
    }
    const frame = frameAt(piece, at - start);
    seconds += frame?.seconds ?? 0;
    // Whatever is between frames is looked through for the next one.
    at += frame?.bytes ?? Math.max(1, nextSync(piece, at - start + 1) - (at - start));
  }
  return seconds > 0 ? seconds : undefined;
}

/** Behind the tag that a file may begin with, pictures and all. */
async function audioStart(handle: FileHandle): Promise<number> {
  const head = Buffer.alloc(10);
  await handle.read(head, 0, head.length, 0);
  if (head.toString('latin1', 0, 3) !== 'ID3') return 0;
  const [a, b, c, d] = [...head.subarray(6, 10)].map((byte) => byte & 0x7f) as [number, number, number, number];
  return 10 + a * 2 ** 21 + b * 2 ** 14 + c * 2 ** 7 + d;
}

function nextSync(piece: Buffer, from: number): number {
  const found = piece.indexOf(0xff, from);
  return found < 0 ? piece.length - headBytes + 1 : found;
}

function frameAt(piece: Buffer, at: number): Frame | undefined {
  const second = piece[at + 1] as number;
  if (piece[at] !== 0xff || (second & 0xe0) !== 0xe0) return undefined;
  return (second & 0x06) === 0 ? adtsFrame(piece, at) : mpegFrame(piece, at);
}

function mpegFrame(piece: Buffer, at: number): Frame | undefined {
  const [second, third] = [piece[at + 1] as number, piece[at + 2] as number];
  const version = (second >> 3) & 3;
  const layer = ((second >> 1) & 3) - 1;
  const isFirst = version === 3;
  const rate = (isFirst ? rates1 : rates2)[layer]?.[(third >> 4) - 1];
  const hertz = (mpegHertz[(third >> 2) & 3] ?? 0) / (mpegDivisors[version] as number);
  const samples = (isFirst ? samples1 : samples2)[layer];
  if (rate === undefined || samples === undefined || !(hertz > 0 && hertz < 50_000)) return undefined;
  const padding = (third >> 1) & 1;
  const slotBytes = layer === 2 ? 4 : 1;
  const slots = Math.floor(((samples / 8) * rate * 1_000) / hertz / slotBytes) + padding;
  return { bytes: slots * slotBytes, seconds: samples / hertz };
}

function adtsFrame(piece: Buffer, at: number): Frame | undefined {
  if (((piece[at + 1] as number) & 0xf0) !== 0xf0) return undefined;
  const hertz = adtsHertz[((piece[at + 2] as number) >> 2) & 15];
  const bytes = (piece.readUIntBE(at + 3, 3) >> 5) & frameBytes;
  const blocks = ((piece[at + 6] as number) & 3) + 1;
  return hertz === undefined || bytes < headBytes ? undefined : { bytes, seconds: (blocks * 1_024) / hertz };
}
