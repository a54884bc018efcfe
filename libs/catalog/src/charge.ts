import { type Usage, type UsageUnit, usageUnits } from '#libs/contracts';
import type { Price } from './model.js';

const perUnits = 1_000_000n;

/** A unit without a price of its own costs what this one costs. */
const fallbacks: Partial<Record<UsageUnit, UsageUnit>> = { input_cached: 'input', reasoning: 'output' };

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
  for (const unit of usageUnits) {
    const quantity = usage[unit];
    if (quantity) charge += lineOf(unit, quantity, price);
  }
  return charge;
}

function lineOf(unit: UsageUnit, quantity: number, price: Price): bigint {
  const fallback = fallbacks[unit];
  const nanos = price[unit] ?? (fallback && price[fallback]);
  if (nanos === undefined) throw new UnpricedUnitError(unit);
  return (BigInt(quantity) * nanos + perUnits - 1n) / perUnits;
}
