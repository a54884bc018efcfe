import { describe, expect, it } from '@jest/globals';
import { calculate, count, echo } from './simple-tasks.js';

describe('echo', () => {
  it.each([
    ['Reply with exactly: pong', 'pong'],
    ['Say "hello there" please', 'hello there'],
    ['Say this is a test', 'this is a test'],
    ['Respond with only the word OK.', 'OK'],
    ['Repeat after me: Grüße, 世界!', 'Grüße, 世界!'],
  ])('%s', (text, said) => {
    expect(echo(text)).toBe(said);
  });

  it.each(['Say something about rivers', 'Explain "closures" to a child', 'What does he say?'])('not: %s', (text) => {
    expect(echo(text)).toBeUndefined();
  });
});

describe('calculate', () => {
  it.each([
    ['What is 2+2?', '4.'],
    ['How much is 17 times 3?', '51.'],
    ['calculate 7 / 2', '3.5.'],
    ['What is 0.1 + 0.2?', '0.3.'],
    ['What is 9 minus 12?', '-3.'],
  ])('%s', (text, end) => {
    expect(calculate(text)?.endsWith(`= ${end}`)).toBe(true);
  });

  it.each(['The meeting is on 2026-01-31, what then?', 'I need 4 + 4 chairs', 'What is 5 / 0?'])('not: %s', (text) => {
    expect(calculate(text)).toBeUndefined();
  });
});

describe('count', () => {
  it.each([
    ['Count from 1 to 5', '1, 2, 3, 4, 5'],
    ['Please count to three.', '1, 2, 3'],
    ['count from 8 to 10', '8, 9, 10'],
  ])('%s', (text, numbers) => {
    expect(count(text)).toBe(numbers);
  });

  it('does not count down', () => {
    expect(count('count from 5 to 1')).toBeUndefined();
  });
});
