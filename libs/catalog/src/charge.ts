import type { Usage, UsageUnit } from '#libs/contracts';
import type { Price } from './model.js';

const perUnits = 1_000_000n;

/**
 * A unit without a price of its own costs what this one costs. Chat models bill images of the prompt as plain input;
 * no other unit has a cheaper one that it might be taken for.
 */
const fallbacks: Partial<Record<UsageUnit, UsageUnit>> = {
  input_cached: 'input',
  reasoning: 'output',
  input_image: 'input',
};

/** A usage counts a unit that its price does not know: charging zero would be a gift, guessing would be fraud. */
export class UnpricedUnitError extends Error {
  constructor(readonly unit: UsageUnit) {
    super(`the usage counts ${unit}, and the price has none for it`);
    this.name = 'UnpricedUnitError';
  }
}

/** Nano-dollars of a usage: `ceil(quantity × price / 1e6)` per unit, rounded up once per unit and never again. */
export function chargeOf(usage: Usage, price: Price): bigint {
  let charge = 0n;
  for (const [unit, quantity] of Object.entries(usage) as [UsageUnit, number | undefined][]) {
    if (quantity) charge += lineOf(unit, quantity, price);
  }
  return charge;
}

/** Nano-dollars per 1,000,000 of a unit: its own price, or that of the unit which it falls back to. */
export function unitPriceOf(unit: UsageUnit, price: Price): bigint | undefined {
  const fallback = unit.startsWith('images:') ? 'images' : fallbacks[unit];
  return price[unit] ?? (fallback && price[fallback]);
}

function lineOf(unit: UsageUnit, quantity: number, price: Price): bigint {
  const nanos = unitPriceOf(unit, price);
  if (nanos === undefined) throw new UnpricedUnitError(unit);
  return (BigInt(quantity) * nanos + perUnits - 1n) / perUnits;
}
