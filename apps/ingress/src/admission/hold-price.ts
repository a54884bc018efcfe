import { hash } from 'node:crypto';
import {
  chargeOf,
  fitUsage,
  type Model,
  type Price,
  priceOfWire,
  unpricedUnit,
  UnpricedUnitError,
  wirePrice,
} from '#libs/catalog';
import {
  GatewayError,
  type PriceSnapshot,
  type Usage,
  type UsageUnit,
  usageUnits,
  type WirePrice,
} from '#libs/contracts';

/** At what price the requests for a model are held and later captured. */
export interface HoldPrice {
  readonly snapshot: PriceSnapshot;
  /** Of the snapshot's content: equal snapshots of any process have the same id. */
  readonly snapshotId: string;
  /** A usage is held at the dearest of these: the prices of text alone are one, the highest of each unit; each other is one of its own. */
  readonly prices: readonly Price[];
}

/** The largest amount that the ledger's messages take: a billion dollars. */
const largestNanos = 10n ** 18n - 1n;
/** A cached token may cost more than an uncached one, and which it is shows only afterwards. */
const alternatives: Partial<Record<UsageUnit, UsageUnit>> = { input_cached: 'input', reasoning: 'output' };
/** Units of text: prices that have no others are taken together, unit by unit. */
const textUnits: ReadonlySet<string> = new Set<UsageUnit>(['input', 'input_cached', 'output', 'reasoning']);

// By object: a reload makes new models, and a look-up of a key new overrides; the old ones go with their makers.
const ofModels = new WeakMap<Model, HoldPrice>();
const parsedOverrides = new WeakMap<WirePrice, Price>();
const ofOverrides = new WeakMap<Model, WeakMap<WirePrice, HoldPrice>>();

/** Made once per model of a catalog and override of an organization, never per call. */
export function holdPriceOf(model: Model, override: WirePrice | undefined): HoldPrice {
  const [cache, key] = override === undefined ? [ofModels, model] : [overridesOf(model), override];
  const known = (cache as WeakMap<object, HoldPrice>).get(key);
  if (known) return known;
  const made = make(model, override === undefined ? undefined : priceOfWire(override));
  (cache as WeakMap<object, HoldPrice>).set(key, made);
  return made;
}

/**
 * The upper bound of what a usage may cost. `usage` counts whatever any deployment might be billed by, side by side;
 * of that each price takes what it knows (`fitUsage`), and the dearest of them is held. A price that knows nothing of
 * it, or lacks a unit, refuses the request: that deployment might be the one that serves.
 */
export function holdNanos(usage: Usage, { prices, snapshot }: HoldPrice): bigint {
  try {
    let highest = 0n;
    for (const price of prices) {
      const nanos = chargeOf(fitUsage(usage, price).usage, price);
      if (nanos > highest) highest = nanos;
    }
    return highest < largestNanos ? highest : largestNanos;
  } catch (error) {
    if (!(error instanceof UnpricedUnitError)) throw error;
    throw notPriced(snapshot.model, error.unit, error);
  }
}

/** Refuses a call that no deployment of the model could be charged for: it would be served for nothing. */
export function assertChargeable(endpoint: string, model: Model, override: WirePrice | undefined): void {
  const prices = override === undefined ? model.deployments.map(({ price }) => price) : [overridePrice(override)];
  let lacking: UsageUnit | undefined;
  for (const price of prices) {
    if (price === null) continue;
    lacking = unpricedUnit(endpoint, price);
    if (lacking === undefined) return;
  }
  if (lacking !== undefined) throw notPriced(model.id, lacking);
}

function notPriced(model: string, unit: UsageUnit, cause?: unknown): GatewayError {
  const message = `The model \`${model}\` has no price for ${unit}, so it cannot be called. Ask the operator to set one.`;
  return new GatewayError('model_not_priced', message, { param: 'model', cause });
}

/** One object per override, so that what is known of a price is found again. */
function overridePrice(override: WirePrice): Price {
  const price = parsedOverrides.get(override) ?? priceOfWire(override);
  parsedOverrides.set(override, price);
  return price;
}

function overridesOf(model: Model): WeakMap<WirePrice, HoldPrice> {
  const known = ofOverrides.get(model);
  if (known) return known;
  const made = new WeakMap<WirePrice, HoldPrice>();
  ofOverrides.set(model, made);
  return made;
}

function make(model: Model, override: Price | undefined): HoldPrice {
  const wires: Record<string, WirePrice> = {};
  const others: Price[] = [];
  let ofText: Price | undefined;
  for (const { id, price: own } of model.deployments.toSorted((one, other) => (one.id < other.id ? -1 : 1))) {
    const price = override ?? own;
    if (price === null) continue;
    wires[id] = wirePrice(price);
    if (Object.keys(price).every((unit) => textUnits.has(unit))) ofText = higherOf(ofText ?? {}, price);
    else others.push(higherOf(price, price));
  }
  // Without any price there is one that knows no unit: whatever is counted, it refuses.
  const prices = ofText || others.length === 0 ? [ofText ?? {}, ...others] : others;
  const snapshot: PriceSnapshot = { model: model.id, prices: wires };
  return { snapshot, snapshotId: hash('sha256', JSON.stringify(snapshot), 'base64url'), prices };
}

function higherOf(one: Price, other: Price): Price {
  const price: Partial<Record<UsageUnit, bigint>> = { ...one };
  for (const unit of usageUnits) {
    const nanos = other[unit];
    if (nanos === undefined) continue;
    for (const priced of [unit, alternatives[unit]]) {
      if (priced !== undefined && (price[priced] ?? -1n) < nanos) price[priced] = nanos;
    }
  }
  return price;
}
