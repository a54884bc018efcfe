import {
  audioSpeech,
  audioTranscriptions,
  audioTranslations,
  chatCompletions,
  embeddings,
  imagesEdits,
  imagesGenerations,
  imagesVariations,
  rerank,
  type Usage,
  type UsageUnit,
} from '#libs/contracts';
import { chargeOf, UnpricedUnitError } from './charge.js';
import { fitUsage } from './fit-usage.js';
import { countsImages } from './image-unit.js';
import type { Price } from './model.js';

/** What a call of an endpoint is counted in. A price must cover one of these, as it would be charged. */
type Counted = readonly [Usage, ...Usage[]];

const heard: Counted = [{ seconds: 1, input_audio: 1, output: 1 }];
const drawn: Counted = [{ 'images:auto/auto': 1 }, { pixels: 1 }, { input: 1, output_image: 1 }];
const countedBy: Readonly<Record<string, Counted>> = {
  [chatCompletions.id]: [{ input: 1, output: 1 }],
  [embeddings.id]: [{ input: 1 }],
  [rerank.id]: [{ searches: 1, input: 1 }],
  [audioSpeech.id]: [{ characters: 1, input: 1, output_audio: 1 }],
  [audioTranscriptions.id]: heard,
  [audioTranslations.id]: heard,
  [imagesGenerations.id]: drawn,
  [imagesEdits.id]: drawn,
  [imagesVariations.id]: drawn,
};

const known = new WeakMap<Price, Map<string, UsageUnit | undefined>>();

/**
 * The unit that a price lacks for an endpoint: a call would be served, and could not be charged. Undefined: it lacks none.
 * Looked for once per price, since every call asks.
 */
export function unpricedUnit(endpoint: string, price: Price): UsageUnit | undefined {
  let ofPrice = known.get(price);
  if (!ofPrice) known.set(price, (ofPrice = new Map()));
  if (!ofPrice.has(endpoint)) ofPrice.set(endpoint, find(endpoint, price));
  return ofPrice.get(endpoint);
}

function find(endpoint: string, price: Price): UsageUnit | undefined {
  const [first, ...others] = countedBy[endpoint] ?? [{}];
  const lacking = lackingFor(first, price);
  return others.some((usage) => lackingFor(usage, price) === undefined) ? undefined : lacking;
}

function lackingFor(usage: Usage, price: Price): UsageUnit | undefined {
  try {
    chargeOf(fitUsage(usage, price).usage, price);
    return undefined;
  } catch (error) {
    if (error instanceof UnpricedUnitError) return error.unit;
    throw error;
  }
}

/** What an unknown model answers on, by the units that somebody gave it a price in. */
export function endpointsOfPrice(price: Price): readonly string[] {
  const units = Object.keys(price);
  const has = (unit: string): boolean => units.includes(unit);
  const isChat = has('input') && has('output');
  if (has('searches')) return [rerank.id];
  if (has('seconds')) return [audioTranscriptions.id, audioTranslations.id];
  if (has('characters') || (has('output_audio') && !has('output'))) return [audioSpeech.id];
  if (units.some((unit) => countsImages(unit)) || has('pixels') || has('output_image')) {
    const images = [imagesGenerations.id, imagesEdits.id, imagesVariations.id];
    return isChat ? [chatCompletions.id, ...images] : images;
  }
  return has('input') && !has('output') ? [embeddings.id] : [chatCompletions.id];
}
