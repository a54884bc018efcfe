import { describe, expect, it } from '@jest/globals';
import { parseBuffer } from 'music-metadata';
import { planSpeech } from './speech-plan.js';
import { speechFormats } from './speech-formats.js';
import { readSpokenMarker } from './spoken-text.js';

const text = 'Grüße from the sandbox: one tone a letter, a pause a blank.';
const seconds = Array.from(text).length * 0.08;

describe('speech of the sandbox', () => {
  it.each(Object.keys(speechFormats).filter((format) => format !== 'pcm'))(
    '%s is a file of the right kind and length',
    async (format) => {
      const file = Buffer.concat(speechFormats[format]!.encode(planSpeech(text, 'alloy', 1)));
      const { format: found } = await parseBuffer(
        file,
        { mimeType: speechFormats[format]!.contentType },
        { duration: true },
      );
      // An AAC frame takes 43 ms, and its reader counts one more.
      expect(Math.abs((found.duration ?? 0) - seconds)).toBeLessThan(0.09);
      expect(found.numberOfChannels).toBe(1);
    },
  );

  it('is raw samples as pcm', () => {
    const file = Buffer.concat(speechFormats['pcm']!.encode(planSpeech(text, 'alloy', 1)));
    expect(file.length).toBe(Math.round(seconds * 24_000) * 2);
  });

  it('is shorter when it is faster', () => {
    expect(planSpeech(text, 'alloy', 2).seconds).toBeCloseTo(seconds / 2);
  });

  it('sounds another way with another voice', () => {
    const [one, other] = ['alloy', 'nova'].map((voice) =>
      Buffer.concat(speechFormats['mp3']!.encode(planSpeech(text, voice, 1))),
    );
    expect(one!.equals(other!)).toBe(false);
    expect(one!.length).toBe(other!.length);
  });

  it.each(Object.keys(speechFormats).filter((format) => format !== 'pcm'))('%s says what was spoken', (format) => {
    const file = Buffer.concat(speechFormats[format]!.encode(planSpeech(text, 'alloy', 1)));
    expect(readSpokenMarker(file)).toEqual({ text, seconds: Number(seconds.toFixed(3)) });
  });

  it('knows nothing of audio from elsewhere', () => {
    expect(readSpokenMarker(Buffer.from('RIFF'))).toBeUndefined();
  });
});
