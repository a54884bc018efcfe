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
  readonly mode: 'chat' | 'embedding' | 'rerank' | 'image' | 'speech' | 'transcription';
  /** Endpoint ids; those of its mode when absent. */
  readonly serves?: readonly string[];
  /** Of an embedding. */
  readonly dimensions?: number;
  readonly context?: number;
  readonly output?: number;
  /** YYYY-MM-DD. */
  readonly released?: string;
  readonly can?: readonly Capability[];
  readonly price?: ShippedPrice;
}

/** What a model answers on; only chat models leave it unsaid. */
export function endpointsOf({ serves }: Pick<ShippedModel, 'serves'>): readonly string[] {
  return serves ?? [chatCompletions.id];
}

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
