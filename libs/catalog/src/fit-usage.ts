import { type Usage, type UsageUnit, tokenUnits } from '#libs/contracts';
import { unitPriceOf } from './charge.js';
import { countsImages, imageUnitFor } from './image-unit.js';
import type { Price } from './model.js';

/** A usage as a price splits it. */
export interface FittedUsage {
  /** What is charged. */
  readonly usage: Usage;
  /** What is only reported: this price is by other units. */
  readonly measured: Usage;
}

/** Tokens of a kind that has no price of its own are plain ones, never free. `input_image` is so by its fallback. */
const plainTokens: Partial<Record<UsageUnit, UsageUnit>> = {
  input_audio: 'input',
  output_audio: 'output',
  output_image: 'output',
};

const tokens: ReadonlySet<string> = new Set(tokenUnits);

/**
 * The price decides what is charged. A call may be counted in several ways at once (a speech in tokens and in
 * characters); a price is by one of them, and the others are measured only. Images become the variant that is priced.
 * If nothing that the price knows was counted, everything stays, so that the charge fails rather than be zero.
 */
export function fitUsage(counted: Usage, price: Price): FittedUsage {
  const ways = new Set(Object.keys(price).map(wayOf));
  const usage: Usage = {};
  const measured: Usage = {};
  for (const [unit, quantity] of Object.entries(counted) as [UsageUnit, number | undefined][]) {
    if (quantity === undefined) continue;
    const charged = ways.has(wayOf(unit));
    const [part, as] = charged ? [usage, pricedUnit(unit, price)] : [measured, unit];
    part[as] = (part[as] ?? 0) + quantity;
  }
  if (!isSomething(usage) && isSomething(measured)) return { usage: counted, measured: {} };
  return { usage, measured };
}

/** Ways of counting that exclude each other: by tokens, by images, and by each other unit alone. */
function wayOf(unit: string): string {
  if (tokens.has(unit)) return 'tokens';
  return countsImages(unit) ? 'images' : unit;
}

function pricedUnit(unit: UsageUnit, price: Price): UsageUnit {
  if (price[unit] !== undefined) return unit;
  if (countsImages(unit)) {
    const priced = imageUnitFor(price, unit);
    // `images` is the fallback of every variant anyhow, and the variant tells more.
    return priced === undefined || priced === 'images' ? unit : priced;
  }
  const plain = plainTokens[unit];
  return plain !== undefined && unitPriceOf(plain, price) !== undefined ? plain : unit;
}

function isSomething(usage: Usage): boolean {
  return Object.values(usage).some((quantity = 0) => quantity > 0);
}
