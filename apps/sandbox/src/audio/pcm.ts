import { type SpeechPlan, toneHertz } from './speech-plan.js';

/** Of `pcm`, `wav` and `flac`: OpenAI's raw format, 16 bits, mono, little endian. */
export const pcmRate = 24_000;
const amplitude = 0.25 * 0x7fff;
/** A tone that starts or ends at once clicks. */
const fadeSeconds = 0.006;

/** Samples of a plan. */
export function samplesOf(plan: SpeechPlan): Int16Array {
  const samples = new Int16Array(Math.round(plan.seconds * pcmRate));
  const characters = Math.max(1, Array.from(plan.text).length);
  const each = plan.seconds / characters;
  for (let character = 0; character < characters; character++) {
    const hertz = toneHertz[plan.toneOf(character)] ?? 0;
    if (hertz > 0) sound(samples, hertz, { start: character * each, end: (character + 1) * each });
  }
  return samples;
}

function sound(samples: Int16Array, hertz: number, { start, end }: { start: number; end: number }): void {
  const last = Math.min(samples.length, Math.round(end * pcmRate));
  for (let index = Math.round(start * pcmRate); index < last; index++) {
    const seconds = index / pcmRate;
    const fade = Math.max(0, Math.min(1, (seconds - start) / fadeSeconds, (end - seconds) / fadeSeconds));
    samples[index] = Math.round(amplitude * fade * Math.sin(2 * Math.PI * hertz * seconds));
  }
}

/** Samples as bytes, little endian. */
export function pcmBytes(samples: Int16Array): Buffer {
  const bytes = Buffer.allocUnsafe(samples.length * 2);
  for (const [index, sample] of samples.entries()) bytes.writeInt16LE(sample, index * 2);
  return bytes;
}

/** A RIFF file, its comment in an INFO list. */
export function wavBytes(samples: Int16Array, comment: string): Buffer {
  const data = pcmBytes(samples);
  const text = Buffer.from(`${comment}\0${comment.length % 2 === 0 ? '\0' : ''}`);
  const list = Buffer.concat([
    Buffer.from('LIST'),
    uint32(4 + 8 + text.length),
    Buffer.from('INFOICMT'),
    uint32(text.length),
    text,
  ]);
  const format = Buffer.alloc(24);
  format.write('fmt ', 0);
  format.writeUInt32LE(16, 4);
  format.writeUInt16LE(1, 8);
  format.writeUInt16LE(1, 10);
  format.writeUInt32LE(pcmRate, 12);
  format.writeUInt32LE(pcmRate * 2, 16);
  format.writeUInt16LE(2, 20);
  format.writeUInt16LE(16, 22);
  const body = Buffer.concat([Buffer.from('WAVE'), format, list, Buffer.from('data'), uint32(data.length), data]);
  return Buffer.concat([Buffer.from('RIFF'), uint32(body.length), body]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
