import { flacBytes } from './flac.js';
import { oggOpusPages } from './ogg-opus.js';
import { pcmBytes, samplesOf, wavBytes } from './pcm.js';
import type { SpeechPlan } from './speech-plan.js';
import { spokenMarker } from './spoken-text.js';
import { toneFrames } from './tone-frames.js';

/** One way to write speech down. */
export interface SpeechFormat {
  readonly contentType: string;
  /** The file in the pieces that it is sent in. */
  encode(plan: SpeechPlan): Buffer[];
}

/** Half a second of raw audio. */
const pieceBytes = 24_000;

/** OpenAI's formats (`POST /audio/speech`); one entry each. */
export const speechFormats: Readonly<Record<string, SpeechFormat>> = {
  mp3: { contentType: 'audio/mpeg', encode: (plan) => [id3(spokenMarker(plan)), ...grouped(framesOf(plan, 'mp3'))] },
  opus: { contentType: 'audio/ogg', encode: (plan) => oggOpusPages(framesOf(plan, 'opus'), spokenMarker(plan)) },
  aac: { contentType: 'audio/aac', encode: (plan) => [id3(spokenMarker(plan)), ...grouped(framesOf(plan, 'aac'))] },
  flac: { contentType: 'audio/flac', encode: (plan) => sliced(flacBytes(samplesOf(plan), spokenMarker(plan))) },
  wav: { contentType: 'audio/wav', encode: (plan) => sliced(wavBytes(samplesOf(plan), spokenMarker(plan))) },
  pcm: { contentType: 'audio/pcm', encode: (plan) => sliced(pcmBytes(samplesOf(plan))) },
};

/** The frame that sounds at the middle of each frame's time. */
function framesOf(plan: SpeechPlan, format: 'mp3' | 'aac' | 'opus'): Buffer[] {
  const { sampleRate, samplesPerFrame, tones } = toneFrames(format);
  const each = samplesPerFrame / sampleRate;
  const frames: Buffer[] = [];
  let before = -1;
  let run = 0;
  for (let index = 0; index < Math.max(1, Math.round(plan.seconds / each)); index++) {
    const character = plan.characterAt((index + 0.5) * each);
    run = character === before ? run + 1 : 0;
    before = character;
    const tone = tones[plan.toneOf(character)] ?? [];
    const frame = tone[Math.min(run, tone.length - 1)];
    if (frame) frames.push(frame);
  }
  return frames;
}

function grouped(frames: readonly Buffer[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let start = 0; start < frames.length; start += 20) pieces.push(Buffer.concat(frames.slice(start, start + 20)));
  return pieces;
}

function sliced(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += pieceBytes) pieces.push(bytes.subarray(start, start + pieceBytes));
  return pieces;
}

/** An ID3v2.4 tag with one comment of the user's (TXXX), as MP3 and ADTS files begin. */
function id3(comment: string): Buffer {
  const text = Buffer.concat([Buffer.from([3]), Buffer.from('comment\0'), Buffer.from(comment)]);
  const frame = Buffer.concat([Buffer.from('TXXX'), syncSafe(text.length), Buffer.from([0, 0]), text]);
  return Buffer.concat([Buffer.from('ID3'), Buffer.from([4, 0, 0]), syncSafe(frame.length), frame]);
}

/** Seven bits a byte. */
function syncSafe(value: number): Buffer {
  return Buffer.from([(value >> 21) & 0x7f, (value >> 14) & 0x7f, (value >> 7) & 0x7f, value & 0x7f]);
}
