import { describe, expect, it } from '@jest/globals';
import { Random } from '../random.js';
import { parsePattern, UnsupportedPattern } from './pattern.js';
import { matchesPattern } from './pattern-match.js';
import { samplePattern } from './pattern-sample.js';

/** Patterns as schemas have them, with texts of which the engine knows best whether they match. */
const patterns = [
  '^[A-Z]{3}-\\d{4}$',
  '^(\\+\\d{1,3}[- ]?)?\\d{10}$',
  '^#[0-9a-fA-F]{6}$',
  '^(?=.*[A-Z])(?=.*\\d)[A-Za-z\\d]{8,}$',
  '^(?!admin)[a-z]{3,10}$',
  '^\\S+@\\S+\\.\\S+$',
  '[aeiou]{2}',
  '^\\p{Lu}\\p{Ll}+$',
  '^[\\u4e00-\\u9fff]+$',
  '^[А-Я][а-я]+$',
  '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$',
  '^v?\\d+\\.\\d+\\.\\d+(?:-[0-9A-Za-z.-]+)?$',
  '^(?<year>\\d{4})$',
  '^[\\]\\\\]+$',
  '^[a-z\\-_]{1,5}$',
  '\\bfoo\\b',
  '^a{2}b{2,}c{1,3}$',
  '^$',
  '^.{20}$',
  '^\\x41\\u0042$',
];
const texts = [
  '',
  'ABC-1234',
  '+49 1234567890',
  '#00ffAA',
  'Passw0rd',
  'admiral',
  'ada@example.com',
  'Ada',
  '中文',
  'Привет',
].concat([
  '2026-02-29',
  'v1.2.3-rc.1',
  '2026',
  ']\\',
  'a-_b',
  'a foo b',
  'aabbbcc',
  'AB',
  'x'.repeat(20),
  'foobar',
  'boot',
]);

describe('patterns', () => {
  it.each(patterns)('%s matches what the engine matches', (source) => {
    const expression = new RegExp(source, source.includes('[\\]') || source.includes('\\-_') ? '' : 'u');
    for (const text of texts) {
      expect([text, matchesPattern(parsePattern(source), text)]).toEqual([text, expression.test(text)]);
    }
  });

  it.each(patterns)('%s gets a text that it matches', (source) => {
    const expression = new RegExp(source, source.includes('[\\]') || source.includes('\\-_') ? '' : 'u');
    for (let seed = 0; seed < 20; seed++) {
      const sample = samplePattern(source, { minLength: 0, maxLength: 500 }, new Random(seed));
      expect(sample).toMatch(expression);
    }
  });

  it('keeps to a length', () => {
    for (let seed = 0; seed < 20; seed++) {
      const sample = samplePattern('^[a-z]+$', { minLength: 40, maxLength: 42 }, new Random(seed));
      expect(sample).toMatch(/^[a-z]{40,42}$/);
    }
  });

  it('decides what would take a backtracking engine years', () => {
    const evil = '^(a+)+$';
    expect(matchesPattern(parsePattern(evil), `${'a'.repeat(100)}!`)).toBe(false);
    expect(matchesPattern(parsePattern(evil), 'a'.repeat(100))).toBe(true);
  });

  it('gives up on what is too costly', () => {
    const costly = parsePattern('(((a{0,1000}){0,1000}){0,1000}){5}b');
    expect(() => matchesPattern(costly, 'a'.repeat(200_000))).toThrow(UnsupportedPattern);
  });

  it.each(['(a)\\1', '(?<=a)b', '(a', 'a)', '[a', '*a', '(?i)a'])('does not pretend to understand %s', (source) => {
    expect(() => parsePattern(source)).toThrow(UnsupportedPattern);
    expect(samplePattern(source, { minLength: 0, maxLength: 10 }, new Random(1))).toBeUndefined();
  });
});
