import { describe, expect, it } from '@jest/globals';
import { textFormats } from './transcript-formats.js';
import { jsonFormats } from './transcript-json.js';

const transcript = {
  text: ' Hi & <b>bye</b> ',
  segments: [
    { start: 0, end: 1.5, text: ' Hi &\n\n there ' },
    { start: 1.5, end: 2, text: '  ' },
    { start: 59.9995, end: 59, text: 'a --> b' },
    { start: 3661.0004, end: 3_599_999.9999, text: '終わり' },
    { start: -1, end: Number.NaN, text: 'odd' },
  ],
};

function render(format: string): string {
  return textFormats[format]!(transcript);
}

describe('textFormats', () => {
  it('writes text with one line feed at its end', () => {
    expect(render('text')).toBe('Hi & <b>bye</b>\n');
  });

  it('writes SRT: numbered without gaps, commas, no blank line within a cue, no end before its start', () => {
    expect(render('srt')).toBe(
      [
        '1\n00:00:00,000 --> 00:00:01,500\nHi &\nthere\n\n',
        '2\n00:01:00,000 --> 00:01:00,000\na --> b\n\n',
        '3\n01:01:01,000 --> 1000:00:00,000\n終わり\n\n',
        '4\n00:00:00,000 --> 00:00:00,000\nodd\n\n',
      ].join(''),
    );
  });

  it('writes WebVTT: a header, points, and no markup', () => {
    expect(render('vtt')).toBe(
      [
        'WEBVTT\n\n',
        '00:00:00.000 --> 00:00:01.500\nHi &amp;\nthere\n\n',
        '00:01:00.000 --> 00:01:00.000\na --&gt; b\n\n',
        '01:01:01.000 --> 1000:00:00.000\n終わり\n\n',
        '00:00:00.000 --> 00:00:00.000\nodd\n\n',
      ].join(''),
    );
  });

  it('writes a header and nothing else for silence', () => {
    const silence = { text: '', segments: [] };
    expect(textFormats['vtt']!(silence)).toBe('WEBVTT\n\n');
    expect(textFormats['srt']!(silence)).toBe('');
  });
});

describe('jsonFormats', () => {
  const ask = {
    ...{ form: { fields: [], files: [] }, format: 'verbose_json', stream: false },
    ...{ seconds: 9, words: true, segments: true, temperature: 0.2 },
  };
  const words = [{ text: 'Hi', start: 0, end: 0.4 }];
  const result = { text: 'Hi', language: 'eng', duration: undefined, segments: words, words, usage: undefined };

  it('has every field that the schema of verbose_json requires', () => {
    const usage = { type: 'duration', seconds: 9 } as const;
    expect(jsonFormats['verbose_json']!({ result, ask, usage })).toEqual({
      ...{ task: 'transcribe', language: 'english', duration: 9, text: 'Hi', usage },
      words: [{ word: 'Hi', start: 0, end: 0.4 }],
      segments: [
        {
          ...{ id: 0, seek: 0, start: 0, end: 0.4, text: 'Hi', tokens: [], temperature: 0.2 },
          ...{ avg_logprob: 0, compression_ratio: 1, no_speech_prob: 0 },
        },
      ],
    });
  });

  it('labels speakers in the order in which they are heard', () => {
    const speakers = ['7', 'x', '7', ...Array.from({ length: 26 }, (_, index) => `more${index}`)];
    const segments = speakers.map((speaker, index) => ({ text: 't', start: index, end: index + 1, speaker }));
    const { segments: labelled } = jsonFormats['diarized_json']!({
      result: { ...result, segments },
      ask,
      usage: undefined,
    }) as { segments: { id: string; speaker: string }[] };
    expect(labelled.slice(0, 3).map(({ id, speaker }) => `${id} ${speaker}`)).toEqual([
      'seg_001 A',
      'seg_002 B',
      'seg_003 A',
    ]);
    expect(labelled.slice(-3).map(({ speaker }) => speaker)).toEqual(['Z', 'AA', 'AB']);
  });
});
