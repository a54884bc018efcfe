import { describe, expect, it } from '@jest/globals';
import { priceSchema } from '#libs/contracts';
import { dollarsToNanos, nanosToDollars, priceOfWire, wirePrice } from './price.js';

describe('dollarsToNanos', () => {
  it.each([
    ['0', 0n],
    ['0.15', 150_000_000n],
    ['3', 3_000_000_000n],
    ['2.50', 2_500_000_000n],
    ['0.000000001', 1n],
    ['007', 7_000_000_000n],
    // As floats: 0.29 × 1e9 = 290000000.00000006, 1.005 × 1e9 = 1004999999.9999999.
    ['0.29', 290_000_000n],
    ['1.005', 1_005_000_000n],
    ['999999.999999999', 999_999_999_999_999n],
  ])('reads %s', (dollars, nanos) => {
    expect(dollarsToNanos(dollars)).toBe(nanos);
  });

  it.each(['', '.5', '1.', '-1', '+1', '1e-7', '0,15', '$1', ' 1', '1 ', '0.0000000001', 'NaN', '1_000', '٣'])(
    'refuses %j',
    (dollars) => {
      expect(() => dollarsToNanos(dollars)).toThrow(RangeError);
    },
  );
});

describe('nanosToDollars', () => {
  it.each([
    [0n, '0'],
    [1n, '0.000000001'],
    [150_000_000n, '0.15'],
    [3_000_000_000n, '3'],
    [-2_500_000_000n, '-2.5'],
  ])('writes %s', (nanos, dollars) => {
    expect(nanosToDollars(nanos)).toBe(dollars);
  });
});

describe('wirePrice', () => {
  it('survives JSON and comes back the same', () => {
    const price = { input: 150_000_000n, input_cached: 0n, output: 123_456_789_012_345_678n };
    const wire = priceSchema.parse(JSON.parse(JSON.stringify(wirePrice(price))));
    expect(priceOfWire(wire)).toEqual(price);
  });

  it('leaves out units that have no price', () => {
    expect(wirePrice({ input: 1n, output: 2n })).toEqual({ input: '1', output: '2' });
  });
});
