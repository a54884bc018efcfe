import { describe, expect, it } from '@jest/globals';
import { createSecretKey } from 'node:crypto';
import { apiKeyPattern, digestApiKey, generateApiKey, parseApiKey } from './api-key.js';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

describe('an API key', () => {
  it.each(['inference', 'admin'] as const)('of scope %s is read back with its id and scope', (scope) => {
    const key = generateApiKey(scope);
    const prefix = scope === 'admin' ? 'sk-modapi-admin-' : 'sk-modapi-';
    expect(key.startsWith(prefix)).toBe(true);
    expect(parseApiKey(key)).toEqual({ id: `key_${key.slice(prefix.length, prefix.length + 12)}`, scope });
  });

  it('is refused after any single typing error, and after the loss of any character', () => {
    const key = generateApiKey('inference');
    for (let place = 0; place < key.length; place++) {
      for (const wrong of ['0', 'z', '-', ' ', 'ä']) {
        if (key[place] === wrong) continue;
        expect(parseApiKey(key.slice(0, place) + wrong + key.slice(place + 1))).toBeUndefined();
      }
      expect(parseApiKey(key.slice(0, place) + key.slice(place + 1))).toBeUndefined();
    }
  });

  it.each(['', 'sk-', 'sk-modapi-', `sk-modapi-${'a'.repeat(50)}`, `sk-modapi-${'a'.repeat(10_000)}`, "' OR 1=1"])(
    'is not %s',
    (text) => expect(parseApiKey(text)).toBeUndefined(),
  );

  it('never becomes one of the other scope', () => {
    for (let count = 0; count < 500; count++) {
      expect(parseApiKey(generateApiKey('inference'))?.scope).toBe('inference');
      expect(parseApiKey(generateApiKey('admin'))?.scope).toBe('admin');
      expect(parseApiKey(generateApiKey('inference').replace('sk-modapi-', 'sk-modapi-admin-'))).toBeUndefined();
    }
  });

  it('is found in a text by the published pattern', () => {
    for (const scope of ['inference', 'admin'] as const) {
      const key = generateApiKey(scope);
      expect(apiKeyPattern.exec(`OPENAI_API_KEY="${key}"\n`)?.[0]).toBe(key);
    }
    expect(apiKeyPattern.test('sk-modapi-short')).toBe(false);
  });

  it('uses every character equally often in its secret', () => {
    const rounds = 20_000;
    const counts = new Map<string, number>();
    const seen = new Set<string>();
    for (let round = 0; round < rounds; round++) {
      const key = generateApiKey('inference');
      seen.add(key);
      for (const character of key.slice('sk-modapi-'.length, -6))
        counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    expect(seen.size).toBe(rounds);
    expect([...counts.keys()].toSorted().join('')).toBe(alphabet.split('').toSorted().join(''));
    const expected = (rounds * 44) / 62;
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 61 degrees of freedom: one in ten billion fair alphabets exceeds it.
    expect(chiSquare).toBeLessThan(160);
  });

  it('is stored as a digest that depends on all of it and on the pepper', () => {
    const [pepper, other] = ['a', 'b'].map((text) => createSecretKey(Buffer.from(text.repeat(32))));
    const key = generateApiKey('inference');
    const digest = digestApiKey(key, pepper!);
    expect(digest).toMatch(/^[\w-]{43}$/);
    expect(digestApiKey(key, pepper!)).toBe(digest);
    expect(digestApiKey(key, other!)).not.toBe(digest);
    expect(digestApiKey(`${key.slice(0, -1)}_`, pepper!)).not.toBe(digest);
  });
});
