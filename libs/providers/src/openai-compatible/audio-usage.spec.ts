import { describe, expect, it } from '@jest/globals';
import { audioTokens, reportedSeconds } from './audio-usage.js';

describe('audioTokens', () => {
  it('tells text and audio of a transcript apart, and takes the input for audio where nothing is told', () => {
    const details = { text_tokens: 10, audio_tokens: 4 };
    const told = { input_tokens: 14, input_token_details: details, output_tokens: 101 };
    expect(audioTokens(told, 'transcript')).toEqual({ input: 10, input_audio: 4, output: 101 });
    expect(audioTokens({ input_tokens: 14, output_tokens: 1 }, 'transcript')).toEqual({ input_audio: 14, output: 1 });
    expect(audioTokens({ input_tokens: 14, output_tokens: 1 }, 'speech')).toEqual({ input: 14, output_audio: 1 });
  });

  it.each([undefined, null, {}, { input_tokens: -1, output_tokens: 1 }, { input_tokens: 0, output_tokens: 0 }, 'x'])(
    'does not believe %j',
    (usage) => {
      expect(audioTokens(usage, 'speech')).toBeUndefined();
    },
  );
});

describe('reportedSeconds', () => {
  it('rounds up, to at least one', () => {
    expect(reportedSeconds({ usage: { type: 'duration', seconds: 0.2 } })).toBe(1);
    expect(reportedSeconds({ usage: { prompt_audio_seconds: 12.01 } })).toBe(13);
    expect(reportedSeconds({ duration: 8 })).toBe(8);
  });

  it.each([{}, { duration: '8' }, { usage: { seconds: -1 } }, { duration: Number.NaN }])(
    'does not believe %j',
    (answer) => {
      expect(reportedSeconds(answer)).toBeUndefined();
    },
  );
});
