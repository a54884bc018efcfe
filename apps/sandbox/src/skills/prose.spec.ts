import { describe, expect, it } from '@jest/globals';
import { Random } from '../random.js';
import { proseAbout, topicOf } from './prose.js';

const words = (text: string): number => text.split(/\s+/).length;

describe('proseAbout', () => {
  it('is the same for the same seed and another for another one', () => {
    const text = 'Explain AI gateways in one paragraph.';
    expect(proseAbout(text, new Random(7))).toBe(proseAbout(text, new Random(7)));
    const texts = new Set(Array.from({ length: 50 }, (_, seed) => proseAbout(text, new Random(seed))));
    expect(texts.size).toBe(50);
  });

  it('says that it is a sandbox, and what about', () => {
    for (let seed = 0; seed < 20; seed++) {
      const text = proseAbout('Explain AI gateways in one paragraph.', new Random(seed));
      expect(text).toMatch(/sandbox/i);
      expect(text).toContain('AI gateways');
    }
  });

  it.each([
    ['Write about rivers in 200 words.', 200],
    ['Write about rivers in 5 words.', 5],
    ['A 1000-word essay on tea', 1000],
  ])('%s', (text, length) => {
    expect(words(proseAbout(text, new Random(1)))).toBe(length);
  });

  it('has as many sentences or paragraphs as it is asked for', () => {
    expect(proseAbout('Rivers, in one sentence', new Random(1)).match(/[.](?=\s|$)/g)).toHaveLength(1);
    expect(proseAbout('Rivers, in three paragraphs', new Random(1)).split('\n\n')).toHaveLength(3);
  });
});

describe('topicOf', () => {
  it.each([
    ['Tell me about the history of tea', 'history tea'],
    ['hi', 'your message'],
    ['', 'your message'],
  ])('%s', (text, topic) => {
    expect(topicOf(text)).toBe(topic);
  });
});
