import { hash } from 'node:crypto';
import { chargeOf, type Model, type Price, priceOfWire, UnpricedUnitError, wirePrice } from '#libs/catalog';
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
  /** By unit, the highest of any deployment that may serve the model. */
  readonly highest: Price;
}

/** The largest amount that the ledger's messages take: a billion dollars. */
const largestNanos = 10n ** 18n - 1n;
/** A cached token may cost more than an uncached one, and which it is shows only afterwards. */
const alternatives: Partial<Record<UsageUnit, UsageUnit>> = { input_cached: 'input', reasoning: 'output' };

// By object: a reload makes new models, and a look-up of a key new overrides; the old ones go with their makers.
const ofModels = new WeakMap<Model, HoldPrice>();
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

/** The upper bound of what a usage may cost. */
export function holdNanos(usage: Usage, { highest, snapshot }: HoldPrice): bigint {
  try {
    const nanos = chargeOf(usage, highest);
    return nanos < largestNanos ? nanos : largestNanos;
  } catch (error) {
    if (!(error instanceof UnpricedUnitError)) throw error;
    const message = `The model \`${snapshot.model}\` has no price for ${error.unit}, so it cannot be called. Ask the operator to set one.`;
    throw new GatewayError('model_not_priced', message, { param: 'model', cause: error });
  }
}

function overridesOf(model: Model): WeakMap<WirePrice, HoldPrice> {
  const known = ofOverrides.get(model);
  if (known) return known;
  const made = new WeakMap<WirePrice, HoldPrice>();
  ofOverrides.set(model, made);
  return made;
}

function make(model: Model, override: Price | undefined): HoldPrice {
  const prices: Record<string, WirePrice> = {};
  let highest: Price = {};
  for (const { id, price: own } of model.deployments.toSorted((one, other) => (one.id < other.id ? -1 : 1))) {
    const price = override ?? own;
    if (price === null) continue;
    prices[id] = wirePrice(price);
    highest = higherOf(highest, price);
  }
  const snapshot: PriceSnapshot = { model: model.id, prices };
  return { snapshot, snapshotId: hash('sha256', JSON.stringify(snapshot), 'base64url'), highest };
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
