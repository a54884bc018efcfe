import { describe, expect, it } from '@jest/globals';
import { priceConfig, priceSchema } from '#libs/contracts';
import { dollarsToNanos, nanosToDollars, priceOfConfig, priceOfWire, wirePrice } from './price.js';

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

describe('priceOfConfig', () => {
  const read = (price: unknown) => priceOfConfig(priceConfig.parse(price));

  it('knows what each word is a price of', () => {
    expect(read({ input: '0.15', input_audio: 10, output_image: '40', megapixels: '0.05', characters: '15' })).toEqual({
      input: 150_000_000n,
      input_audio: 10_000_000_000n,
      output_image: 40_000_000_000n,
      pixels: 50_000_000n,
      characters: 15_000_000_000n,
    });
    expect(read({ images: '0.04', seconds: '0.0001', searches: '0.002' })).toEqual({
      images: 40_000_000_000_000n,
      seconds: 100_000_000_000n,
      searches: 2_000_000_000_000n,
    });
    expect(read({ images: { '1024x1024/high': '0.167', hd: 0.08, default: '0.2' } })).toEqual({
      'images:1024x1024/high': 167_000_000_000_000n,
      'images:hd': 80_000_000_000_000n,
      images: 200_000_000_000_000n,
    });
  });

  it('makes seconds of minutes, rounded up where a sixtieth is not exact', () => {
    expect(read({ minutes: '0.006' })).toEqual({ seconds: 100_000_000_000n });
    expect(read({ minutes: '0.0043' })).toEqual({ seconds: 71_666_666_667n });
  });

  it.each([
    [{ input: '1e-7' }, 'is no dollar amount'],
    [{ seconds: '1', minutes: '1' }, 'has a price already'],
    [{ images: '1000' }, 'is too much'],
    [{ input: '0', output: '0' }, 'free: true'],
    [{ images: {} }, 'free: true'],
  ])('refuses %j', (price, message) => {
    expect(() => priceOfConfig(price)).toThrow(message);
  });

  it.each([{}, { tokens: '1' }, { images: { 'a b': '1' } }, { images: { hd: 'x' } }, { seconds: '-1' }])(
    'is not asked for %j',
    (price) => expect(priceConfig.safeParse(price).success).toBe(false),
  );
});

describe('wirePrice', () => {
  it('survives JSON and comes back the same', () => {
    const price = { input: 150_000_000n, input_cached: 0n, output: 123_456_789_012_345_678n };
    const wire = priceSchema.parse(JSON.parse(JSON.stringify(wirePrice(price))));
    expect(priceOfWire(wire)).toEqual(price);
  });

  it('is the same text in whatever order a price was written, variants included', () => {
    const one = { 'images:b': 2n, input: 1n, 'images:a/high': 3n };
    const other = { 'images:a/high': 3n, 'images:b': 2n, input: 1n };
    expect(JSON.stringify(wirePrice(one))).toBe('{"input":"1","images:a/high":"3","images:b":"2"}');
    expect(JSON.stringify(wirePrice(other))).toBe(JSON.stringify(wirePrice(one)));
    expect(priceOfWire(priceSchema.parse(wirePrice(one)))).toEqual(one);
  });

  it('leaves out units that have no price', () => {
    expect(wirePrice({ input: 1n, output: 2n })).toEqual({ input: '1', output: '2' });
  });
});
