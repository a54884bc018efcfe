import { describe, expect, it } from '@jest/globals';
import { loadTokenizer } from './token-count.js';

describe('tokenizer', () => {
  it('counts as o200k does', async () => {
    const tokenizer = await loadTokenizer();
    expect(tokenizer.encode('hello world')).toEqual([24912, 2375]);
    expect(tokenizer.count('')).toBe(0);
  });

  it('takes special tokens for text', async () => {
    const tokenizer = await loadTokenizer();
    expect(tokenizer.count('<|endoftext|>')).toBeGreaterThan(1);
  });

  it('decodes what it encoded, also where a token is a part of a character', async () => {
    const tokenizer = await loadTokenizer();
    const text = 'Grüße 👩‍🚀 砂場';
    const tokens = tokenizer.encode(text);
    expect(tokenizer.decode(tokens)).toBe(text);
    for (let length = 0; length < tokens.length; length++) {
      const part = tokenizer.decode(tokens.slice(0, length));
      expect(text.startsWith(part)).toBe(true);
    }
  });

  it('keeps a long run of letters whole in characters', async () => {
    const tokenizer = await loadTokenizer();
    const text = '🙂'.repeat(5_000);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });

  it('estimates a text of megabytes', async () => {
    const tokenizer = await loadTokenizer();
    expect(tokenizer.count('abcd'.repeat(500_000))).toBe(500_000);
  });
});
