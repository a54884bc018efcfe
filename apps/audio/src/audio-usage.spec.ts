import { describe, expect, it } from '@jest/globals';
import type { Usage, WirePrice } from '#libs/contracts';
import { canBeSpoken, meteredSpeech, reportedSpeech, type SpeechAsk } from './speech-ask.js';
import type { TranscriptAsk } from './transcript-ask.js';
import { canBeHeard, meteredTranscript, reportedTranscript } from './transcript-usage.js';

const byCharacter = { characters: '15' };
const byToken = { input: '1', output: '1' };
const bySecond = { seconds: '1' };

const spoken: SpeechAsk = { request: { input: 'x'.repeat(100), voice: 'v' }, events: false, characters: 100 };
const heard: TranscriptAsk = {
  form: {
    fields: [{ name: 'prompt', value: 'p'.repeat(50) }],
    files: [{ name: 'file', filename: 'a', contentType: 'audio/mpeg', bytes: 16_000 }],
  },
  ...{ format: 'json', stream: false, seconds: 100, words: false, segments: true, temperature: undefined },
};

describe('usage of speech', () => {
  it.each<[Usage, boolean]>([
    [{ input: 100, output_audio: 650 }, true],
    [{ input: 2_100, output_audio: 6_000 }, true],
    [{ input: 2_101, output_audio: 650 }, false],
    [{ input: 100, output_audio: 6_001 }, false],
    [{ input: 100, output: 5_000, output_audio: 5_000 }, false],
  ])('%j can be true: %s', (usage, believed) => {
    expect(canBeSpoken(usage, spoken)).toBe(believed);
  });

  const tokens = { input: 25, output_audio: 130 };
  it.each<[string, WirePrice, Usage | undefined, Usage, string]>([
    ['by characters', byCharacter, undefined, { characters: 100 }, 'counted'],
    ['by characters', byCharacter, tokens, { characters: 100, ...tokens }, 'counted'],
    ['by tokens', byToken, tokens, { characters: 100, ...tokens }, 'provider'],
    ['by tokens', byToken, undefined, { characters: 100, input: 25, output_audio: 20 }, 'estimated'],
  ])('%s tells characters and tokens alike', (_way, price, reported, ...[usage, source]) => {
    expect(meteredSpeech({ audioBytes: 16_000, tokens: reported }, spoken, price)).toEqual({ usage, source });
    expect(reportedSpeech(reported, spoken, price)).toEqual(source === 'provider' ? usage : undefined);
  });
});

describe('usage of a transcript', () => {
  it.each<[Usage, boolean]>([
    [{ input: 50, input_audio: 1_000, output: 300 }, true],
    [{ input_audio: 11_050, output: 11_010 }, true],
    [{ input_audio: 11_051, output: 1 }, false],
    [{ input_audio: 1, output: 11_011 }, false],
    [{ input: 11_000, input_audio: 11_000, output: 1 }, false],
  ])('%j can be true: %s', (usage, believed) => {
    expect(canBeHeard(usage, 10, heard)).toBe(believed);
  });

  it('is believed for as long as its bytes may last, whatever its header says', () => {
    const [file] = heard.form.files;
    const short = { ...heard, seconds: 1, form: { ...heard.form, files: [{ ...file!, bytes: 600_000 }] } };
    const secondsOf = (seconds: number) => reportedTranscript({ usage: { seconds } }, 10, bySecond, short).usage;
    expect([secondsOf(600), secondsOf(601)]).toEqual([{ seconds: 600 }, undefined]);
  });

  it('is bound by bytes where the length is not known', () => {
    const unmeasured = { ...heard, seconds: undefined };
    expect(canBeHeard({ input_audio: 7_050, output: 1 }, 10, unmeasured)).toBe(true);
    expect(canBeHeard({ input_audio: 7_051, output: 1 }, 10, unmeasured)).toBe(false);
  });

  const report = { input_tokens: 1_000, output_tokens: 30 };
  const tokens = { input_audio: 1_000, output: 30 };
  it.each<[string, WirePrice, object, Usage, string, boolean]>([
    ['seconds', bySecond, { seconds: 99.5 }, { seconds: 100 }, 'provider', false],
    ['seconds too', bySecond, { seconds: 90, ...report }, { seconds: 90, ...tokens }, 'provider', false],
    ['tokens only', bySecond, report, { seconds: 100, ...tokens }, 'counted', false],
    ['too many seconds', bySecond, { seconds: 201 }, { seconds: 100 }, 'counted', true],
    ['tokens', byToken, report, { seconds: 100, ...tokens }, 'provider', false],
    ['no tokens', byToken, { seconds: 90 }, { seconds: 90, input_audio: 900, output: 3 }, 'estimated', false],
    [
      'too many tokens',
      byToken,
      { input_tokens: 9e8, output_tokens: 30 },
      { seconds: 100, input_audio: 1_000, output: 3 },
      'estimated',
      true,
    ],
  ])('of a report of %s is all that is known', (_what, price, usage, ...[expected, source, disbelieved]) => {
    const reported = reportedTranscript({ usage }, 10, price, heard);
    expect(reported.usageDisbelieved).toBe(disbelieved);
    const metered = reported.usage
      ? { usage: reported.usage, source: 'provider' }
      : meteredTranscript(reported.made, heard, price);
    expect(metered).toEqual({ usage: expected, source });
  });
});
