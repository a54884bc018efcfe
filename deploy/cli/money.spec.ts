import { describe, expect, it } from '@jest/globals';

interface Money {
  readonly nanosOfDollars: (text: string) => string | undefined;
  readonly dollarsOfNanos: (nanos: string | bigint) => string;
}
const { nanosOfDollars, dollarsOfNanos }: Money = await import('./money.mjs' as string);

describe('nanosOfDollars', () => {
  it.each([
    ['20', '20000000000'],
    ['12.5', '12500000000'],
    ['$12.50', '12500000000'],
    ['0.000000001', '1'],
    ['0.1', '100000000'],
    ['007', '7000000000'],
    ['999999999.999999999', '999999999999999999'],
    ['0', '0'],
  ])('reads %s', (text, nanos) => expect(nanosOfDollars(text)).toBe(nanos));

  it.each([
    '',
    ' 5',
    '5 ',
    '-5',
    '+5',
    '.5',
    '5.',
    '1,5',
    '1_000',
    '1e3',
    '0x10',
    'NaN',
    '0.0000000001',
    '1000000000',
    '5\n',
  ])('takes %j for no amount', (text) => expect(nanosOfDollars(text)).toBeUndefined());
});

describe('dollarsOfNanos', () => {
  it.each([
    ['0', '0.00'],
    ['1', '0.000000001'],
    ['-1', '-0.000000001'],
    ['100000000', '0.10'],
    ['12500000000', '12.50'],
    ['-12345678901', '-12.345678901'],
    ['9007199254740993000000000', '9007199254740993.00'],
  ])('writes %s as %s', (nanos, text) => expect(dollarsOfNanos(nanos)).toBe(text));

  it('and back is what was there', () => {
    for (const nanos of ['1', '10', '999999999', '1000000001', '123456789012345678']) {
      expect(nanosOfDollars(dollarsOfNanos(nanos))).toBe(nanos);
    }
  });
});
