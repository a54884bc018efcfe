import { expect, it } from '@jest/globals';
import { dollarsOf } from './dollars.js';

it.each([
  [0n, '0'],
  [1n, '1e-9'],
  [130_804_000n, '0.130804'],
  [1_000_000_000n, '1'],
  [-2_500_000_001n, '-2.500000001'],
  [123_456_789_012_345n, '123456.789012345'],
])('%d nano-dollars are %s dollars', (nanos, dollars) => {
  expect(String(dollarsOf(nanos))).toBe(dollars);
});

it('is right to the nano-dollar up to four million dollars', () => {
  for (let index = 0n; index < 1_000n; index++) {
    const nanos = 4_000_000n * 1_000_000_000n - index * 7_919_104_729n - index;
    expect(BigInt(dollarsOf(nanos).toFixed(9).replace('.', ''))).toBe(nanos);
  }
});
