import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Encoded frames of one format; made by `make-tone-frames.mjs`. */
export interface ToneFrames {
  readonly sampleRate: number;
  readonly samplesPerFrame: number;
  /** By tone, silence first: the frames that begin it. The last one goes on for as long as the tone does. */
  readonly tones: readonly (readonly Buffer[])[];
}

type Shipped = Readonly<
  Record<'mp3' | 'aac' | 'opus', Omit<ToneFrames, 'tones'> & { readonly tones: readonly string[][] }>
>;

let loaded: Shipped | undefined;

/** The file is read when somebody speaks. */
export function toneFrames(format: keyof Shipped): ToneFrames {
  loaded ??= JSON.parse(readFileSync(join(import.meta.dirname, 'tone-frames.json'), 'utf8')) as Shipped;
  const { tones, ...frames } = loaded[format];
  return { ...frames, tones: tones.map((tone) => tone.map((frame) => Buffer.from(frame, 'base64'))) };
}
