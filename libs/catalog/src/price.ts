import { usageUnits, type WirePrice } from '#libs/contracts';
import type { Price } from './model.js';

const nanoDigits = 9;

/** Dollars as a decimal (`"0.15"`) to nano-dollars, digit by digit: a float would lose the last ones. */
export function dollarsToNanos(dollars: string): bigint {
  const match = /^(\d{1,9})(?:\.(\d{1,9}))?$/.exec(dollars);
  if (!match) {
    throw new RangeError(
      `${JSON.stringify(dollars)} is no dollar amount: write a decimal such as "0.15", at most nine digits after the point`,
    );
  }
  const [, whole = '0', fraction = ''] = match;
  return BigInt(whole + fraction.padEnd(nanoDigits, '0'));
}

/** Nano-dollars to a decimal of dollars without trailing zeros: `"0.15"`. */
export function nanosToDollars(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : '';
  const digits = (nanos < 0n ? -nanos : nanos).toString().padStart(nanoDigits + 1, '0');
  const fraction = digits.slice(-nanoDigits).replace(/0+$/, '');
  return sign + digits.slice(0, -nanoDigits) + (fraction && `.${fraction}`);
}

/** A price for an event or a note: JSON has no bigint. */
export function wirePrice(price: Price): WirePrice {
  const wire: WirePrice = {};
  for (const unit of usageUnits) {
    const nanos = price[unit];
    if (nanos !== undefined) wire[unit] = nanos.toString();
  }
  return wire;
}

/** The price of an event, back from its wire form. */
export function priceOfWire(wire: WirePrice): Price {
  const price: Partial<Record<(typeof usageUnits)[number], bigint>> = {};
  for (const unit of usageUnits) {
    const nanos = wire[unit];
    if (nanos !== undefined) price[unit] = BigInt(nanos);
  }
  return price;
}
