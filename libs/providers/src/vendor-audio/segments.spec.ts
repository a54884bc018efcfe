import { describe, expect, it } from '@jest/globals';
import { segmentsOfWords } from './segments.js';

function words(text: string, speaker?: string) {
  return text.split(' ').map((word, index) => ({
    ...{ text: word, start: index * 0.3, end: index * 0.3 + 0.25 },
    ...(speaker !== undefined && { speaker }),
  }));
}

describe('segmentsOfWords', () => {
  it('ends a segment with a sentence, but not with a short one', () => {
    expect(segmentsOfWords(words('Yes. That is so “true.” Now more')).map(({ text }) => text)).toEqual([
      'Yes. That is so “true.”',
      'Now more',
    ]);
  });

  it('ends a segment with a pause and with a speaker', () => {
    const late = words('and later').map((word) => ({ ...word, start: word.start + 5, end: word.end + 5 }));
    expect(segmentsOfWords([...words('one two'), ...late]).map(({ text }) => text)).toEqual(['one two', 'and later']);
    const both = [...words('one', 'a'), ...words('two', 'b')];
    expect(segmentsOfWords(both).map(({ text, speaker }) => `${speaker}: ${text}`)).toEqual(['a: one', 'b: two']);
  });

  it('makes none longer than a subtitle', () => {
    const segments = segmentsOfWords(words('abcdefghi '.repeat(200).trim()));
    expect(segments.length).toBeGreaterThan(20);
    expect(Math.max(...segments.map(({ text }) => text.length))).toBeLessThanOrEqual(84);
    expect(Math.max(...segments.map(({ start, end }) => end - start))).toBeLessThanOrEqual(7);
  });

  it('puts no spaces between words of scripts that have none', () => {
    expect(segmentsOfWords(words('こん にち は')).map(({ text }) => text)).toEqual(['こんにちは']);
  });

  it('makes nothing of nothing', () => {
    expect(segmentsOfWords([])).toEqual([]);
  });
});
