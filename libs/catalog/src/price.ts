import { type ImageVariant, type PriceConfig, type UsageUnit, usageUnits, type WirePrice } from '#libs/contracts';
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

interface PriceWord {
  readonly unit: UsageUnit;
  /** Millions of units in the price that people write, times `dividedBy`. */
  readonly millions: bigint;
  readonly dividedBy?: bigint;
}

const perMillion = (unit: UsageUnit): PriceWord => ({ unit, millions: 1n });
const perPiece = (unit: UsageUnit): PriceWord => ({ unit, millions: 1_000_000n });
/** What people write in modapi.yaml, and what it is a price of. */
const priceWords: Readonly<Record<keyof PriceConfig, PriceWord>> = {
  input: perMillion('input'),
  input_cached: perMillion('input_cached'),
  output: perMillion('output'),
  reasoning: perMillion('reasoning'),
  input_audio: perMillion('input_audio'),
  input_image: perMillion('input_image'),
  output_audio: perMillion('output_audio'),
  output_image: perMillion('output_image'),
  images: perPiece('images'),
  megapixels: perMillion('pixels'),
  seconds: perPiece('seconds'),
  minutes: { ...perPiece('seconds'), dividedBy: 60n },
  characters: perMillion('characters'),
  searches: perPiece('searches'),
};
/** As many digits as a price has on the wire. */
const tooMuch = 10n ** 18n;
const otherImages = 'default';

/** A price that cannot be what the operator meant. */
export class PriceConfigError extends RangeError {
  constructor(
    message: string,
    /** Under `price`; undefined: the price as a whole. */
    readonly word?: keyof PriceConfig,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'PriceConfigError';
  }
}

/** A price of modapi.yaml in nano-dollars per 1,000,000 units. Throws a `PriceConfigError`. */
export function priceOfConfig(config: PriceConfig): Price {
  const price: Partial<Record<UsageUnit, bigint>> = {};
  for (const [word, written] of Object.entries(config) as [keyof PriceConfig, PriceConfig[keyof PriceConfig]][]) {
    if (written === undefined) continue;
    const { unit } = priceWords[word];
    if (price[unit] !== undefined) throw new PriceConfigError(`${unit} has a price already; keep one of the two`, word);
    if (typeof written === 'string') price[unit] = nanosOfWord(word, written);
    else Object.assign(price, imagePrices(written));
  }
  if (Object.values(price).every((nanos) => nanos === 0n)) {
    throw new PriceConfigError('everything costs 0; write "free: true" at the deployment instead, if that is meant');
  }
  return price;
}

function imagePrices(variants: Readonly<Record<string, string>>): Price {
  const price: Partial<Record<UsageUnit, bigint>> = {};
  for (const [variant, dollars] of Object.entries(variants)) {
    const unit: UsageUnit = variant === otherImages ? 'images' : `images:${variant}`;
    price[unit] = nanosOfWord('images', dollars);
  }
  return price;
}

/** Exact, but for a sixtieth of what a minute costs: rounded up, by less than a nano-dollar per 1,000,000 seconds. */
function nanosOfWord(word: keyof PriceConfig, dollars: string): bigint {
  const { millions, dividedBy = 1n } = priceWords[word];
  try {
    const nanos = (dollarsToNanos(dollars) * millions + dividedBy - 1n) / dividedBy;
    if (nanos < tooMuch) return nanos;
  } catch (error) {
    if (error instanceof RangeError) throw new PriceConfigError(error.message, word, { cause: error });
    throw error;
  }
  throw new PriceConfigError(
    `${JSON.stringify(dollars)} is too much; a price is below a billion dollars per million`,
    word,
  );
}

/** A price for an event or a note: JSON has no bigint. Equal prices are equal text, in whatever order they were written. */
export function wirePrice(price: Price): WirePrice {
  const wire: WirePrice = {};
  for (const unit of usageUnits) {
    const nanos = price[unit];
    if (nanos !== undefined) wire[unit] = nanos.toString();
  }
  for (const unit of variantsIn(price)) wire[unit] = String(price[unit]);
  return wire;
}

/** The price of an event, back from its wire form. */
export function priceOfWire(wire: WirePrice): Price {
  const price: Partial<Record<UsageUnit, bigint>> = {};
  for (const unit of usageUnits) {
    const nanos = wire[unit];
    if (nanos !== undefined) price[unit] = BigInt(nanos);
  }
  for (const unit of variantsIn(wire)) price[unit] = BigInt(wire[unit] ?? 0);
  return price;
}

function variantsIn(price: object): ImageVariant[] {
  return Object.keys(price)
    .filter((unit): unit is ImageVariant => unit.startsWith('images:'))
    .toSorted();
}
