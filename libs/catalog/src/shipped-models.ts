import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chatCompletions, type WirePrice } from '#libs/contracts';
import type { Capability } from './model.js';

/** A price as shipped, with where it was read and when that source was taken. */
export interface ShippedPrice extends WirePrice {
  readonly source: string;
  readonly date: string;
}

/** One line of data/models.json. */
export interface ShippedModel {
  readonly mode: 'chat';
  readonly context?: number;
  readonly output?: number;
  /** YYYY-MM-DD. */
  readonly released?: string;
  readonly can?: readonly Capability[];
  readonly price?: ShippedPrice;
}

/** What a model of a mode answers on. */
export const endpointsOf: Readonly<Record<ShippedModel['mode'], readonly string[]>> = { chat: [chatCompletions.id] };

type ShippedProviders = Readonly<Record<string, Readonly<Record<string, ShippedModel>>>>;

let loaded: ShippedProviders | undefined;

/** Models that the shipped data knows of a preset, by upstream model. The file is read when first asked for. */
export function shippedModels(preset: string): Readonly<Record<string, ShippedModel>> {
  loaded ??= (
    JSON.parse(readFileSync(join(import.meta.dirname, 'data', 'models.json'), 'utf8')) as {
      providers: ShippedProviders;
    }
  ).providers;
  return Object.hasOwn(loaded, preset) ? (loaded[preset] ?? {}) : {};
}
