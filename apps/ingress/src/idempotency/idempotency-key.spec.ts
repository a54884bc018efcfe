import { describe, expect, it } from '@jest/globals';
import { fingerprintOf, readIdempotencyKey } from './idempotency-key.js';

const read = (...values: string[]) =>
  readIdempotencyKey({
    headers: values.length === 0 ? {} : { 'idempotency-key': values.join(', ') },
    rawHeaders: ['Host', 'a', ...values.flatMap((value) => ['Idempotency-Key', value])],
  });

describe('an Idempotency-Key', () => {
  it('is taken as it came, or absent', () => {
    expect(read()).toBeUndefined();
    expect(read('a')).toBe('a');
    expect(read('~!"'.padEnd(255, 'x'))).toHaveLength(255);
  });

  it.each([[''], ['x'.repeat(256)], ['a b'], ['a\tb'], ['a\u0000'], ['\u00e9']])('%j is none', (value) => {
    expect(() => read(value)).toThrow(/^Send 1 to 255 visible ASCII characters as Idempotency-Key/);
  });

  it('is sent once, even the same one', () => {
    expect(() => read('a', 'a')).toThrow(/two Idempotency-Key headers/);
    expect(() => read('', '')).toThrow(/two Idempotency-Key headers/);
  });

  it('stands for one body, byte for byte', () => {
    const fingerprint = fingerprintOf(Buffer.from('{"a":1}'));
    expect(fingerprint).toMatch(/^[\w-]{43}$/);
    expect(fingerprintOf(Buffer.from('{"a":1}'))).toBe(fingerprint);
    expect(fingerprintOf(Buffer.from('{"a":2}'))).not.toBe(fingerprint);
  });
});
