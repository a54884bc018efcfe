import { describe, expect, it } from '@jest/globals';
import { type Usage, usageUnits } from '#libs/contracts';
import { chargeOf, UnpricedUnitError } from './charge.js';
import type { Price } from './model.js';

const small: Price = { input: 150_000_000n, input_cached: 75_000_000n, output: 600_000_000n };

/** Written differently on purpose: whole millions first, then one more if anything is left. */
function reference(quantity: bigint, price: bigint): bigint {
  const product = quantity * price;
  return product / 1_000_000n + (product % 1_000_000n > 0n ? 1n : 0n);
}

describe('chargeOf', () => {
  it('charges nothing for nothing', () => {
    expect(chargeOf({}, small)).toBe(0n);
    expect(chargeOf({ input: 0, output: 0 }, small)).toBe(0n);
    expect(chargeOf({}, {})).toBe(0n);
  });

  it('multiplies each unit with its price', () => {
    // 1,000 × $0.15 + 200 × $0.075 + 500 × $0.60 per million = $0.000465
    expect(chargeOf({ input: 1000, input_cached: 200, output: 500 }, small)).toBe(465_000n);
  });

  it('rounds up once per unit', () => {
    const tiny: Price = { input: 1n, output: 1n };
    expect(chargeOf({ input: 1 }, tiny)).toBe(1n);
    expect(chargeOf({ input: 1_000_000 }, tiny)).toBe(1n);
    expect(chargeOf({ input: 1_000_001 }, tiny)).toBe(2n);
    expect(chargeOf({ input: 1, output: 1 }, tiny)).toBe(2n);
  });

  it('takes the input price for cached input and the output price for reasoning when they have none', () => {
    const plain: Price = { input: 3_000_000n, output: 7_000_000n };
    expect(chargeOf({ input_cached: 10 }, plain)).toBe(30n);
    expect(chargeOf({ reasoning: 10 }, plain)).toBe(70n);
    expect(chargeOf({ reasoning: 10 }, { ...plain, reasoning: 1_000_000n })).toBe(10n);
    expect(chargeOf({ input_cached: 10 }, { ...plain, input_cached: 0n })).toBe(0n);
  });

  it('refuses a unit that has no price', () => {
    expect(() => chargeOf({ output: 1 }, { input: 1n })).toThrow(UnpricedUnitError);
    expect(() => chargeOf({ reasoning: 1 }, { input: 1n })).toThrow('reasoning');
  });

  it('has few fallbacks: what is dearer is never taken for what is cheaper', () => {
    const plain = { input: 3_000_000n, output: 7_000_000n, images: 5_000_000n };
    expect(chargeOf({ input_image: 10 }, plain)).toBe(30n);
    expect(chargeOf({ 'images:1024x1024/high': 2 }, plain)).toBe(10n);
    expect(chargeOf({ 'images:1024x1024/high': 2 }, { ...plain, 'images:1024x1024/high': 8_000_000n })).toBe(16n);
    for (const unit of ['input_audio', 'output_audio', 'output_image', 'pixels', 'seconds', 'characters'] as const) {
      expect(() => chargeOf({ [unit]: 1 }, plain)).toThrow(UnpricedUnitError);
    }
    expect(() => chargeOf({ images: 1 }, { 'images:1024x1024/high': 8n })).toThrow(UnpricedUnitError);
    expect(() => chargeOf({ searches: 0 }, plain)).not.toThrow();
  });

  it('stays exact beyond 2^53', () => {
    expect(chargeOf({ input: 9_007_199_254_740_991 }, { input: 999_999_999_999n })).toBe(
      reference(9_007_199_254_740_991n, 999_999_999_999n),
    );
  });

  it('agrees with a reference over many usages', () => {
    let seed = 42;
    const random = (limit: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % limit;
    };
    for (let round = 0; round < 2_000; round++) {
      const usage: Usage = {};
      const price: Partial<Record<(typeof usageUnits)[number], bigint>> = {};
      let expected = 0n;
      for (const unit of usageUnits) {
        const quantity = random(3_000_000);
        const nanos = BigInt(random(1_000_000_000));
        usage[unit] = quantity;
        price[unit] = nanos;
        expected += reference(BigInt(quantity), nanos);
      }
      expect(chargeOf(usage, price)).toBe(expected);
    }
  });
});
