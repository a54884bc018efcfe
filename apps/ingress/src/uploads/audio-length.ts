import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type IFormat, parseStream } from 'music-metadata';
import { secondsOfFrames } from './frame-count.js';

/** An audio file to be measured. */
export interface MeasuredAudio {
  readonly handle: FileHandle;
  readonly bytes: number;
  readonly contentType: string;
}

/** The parser may take so long, and is alone in it: who measures at the same time waits. */
const parsingMs = 500;
const pieceBytes = 64 * 1024;
let turn: Promise<unknown> = Promise.resolve();

/** Whole seconds, rounded up, at least 1; undefined when the container does not tell in time. Nothing is decoded. */
export async function secondsOf(audio: MeasuredAudio): Promise<number | undefined> {
  const { handle, bytes, contentType } = audio;
  const duration = frames.has(contentType) ? await secondsOfFrames(handle, bytes) : await inTurn(audio);
  return duration === undefined ? undefined : Math.max(1, Math.ceil(duration));
}

const frames: ReadonlySet<string> = new Set(['audio/mpeg', 'audio/aac']);

function inTurn(audio: MeasuredAudio): Promise<number | undefined> {
  const measuring = turn.then(() => durationOf(audio));
  turn = measuring.catch(() => undefined);
  return measuring;
}

async function durationOf({ handle, bytes, contentType }: MeasuredAudio): Promise<number | undefined> {
  const deadline = performance.now() + parsingMs;
  const source = Readable.from(pieces(handle, bytes, deadline), { objectMode: false, highWaterMark: pieceBytes });
  // Destroyed by a parser that has seen enough; what it then reports is nobody's.
  source.on('error', () => undefined);
  const options = { skipCovers: true, skipPostHeaders: true };
  try {
    const { format } = await parseStream(source, { mimeType: contentType, size: bytes }, options);
    // Of a codec that the library does not know, only the track tells.
    const duration = format.duration ?? Math.max(...format.trackInfo.map((track) => track.duration ?? 0));
    return Number.isFinite(duration) && duration > 0 ? Math.max(duration, leastSeconds(format, bytes)) : undefined;
  } catch {
    // A container that cannot be read tells no length; whether it is audio the provider will say.
    return undefined;
  } finally {
    source.destroy();
  }
}

/** No codec that is uploaded spends more on sound than this: 512 kbit/s. */
const mostLossyBytesPerSecond = 64_000;
/** Headers, tags and the like, which play nothing. */
const silentBytes = 64 * 1024;

/** A header may tell less than the file plays: so many bytes play for so long at least, at the format that it names. */
function leastSeconds(format: IFormat, bytes: number): number {
  // Of a film most bytes are pictures.
  if (format.trackInfo.some(({ video }) => video !== undefined)) return 0;
  const { lossless, sampleRate = 0, numberOfChannels = 0, bitsPerSample = 0 } = format;
  const rawBytesPerSecond = (sampleRate * numberOfChannels * bitsPerSample) / 8;
  const sounding = Math.max(0, bytes - silentBytes);
  if (lossless === true) return rawBytesPerSecond > 0 ? sounding / rawBytesPerSecond : 0;
  return sounding / mostLossyBytesPerSecond;
}

/** The file from its beginning, until the time is over: a parser that waits for more is then told to give up. */
async function* pieces(handle: FileHandle, bytes: number, deadline: number): AsyncGenerator<Buffer> {
  for (let position = 0; position < bytes;) {
    if (performance.now() > deadline) throw new Error('measuring the audio took too long');
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, bytes - position));
    const { bytesRead } = await handle.read(piece, 0, piece.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}
