import type { Json } from '../json.js';
import type { Random } from '../random.js';
import type { TextHints } from './text-hints.js';

/** Where a value is built. */
export interface ExamplePlace {
  /** Of the property, or of the array that holds the item. */
  readonly name: string;
  readonly depth: number;
}

/** What the builders of each type share. */
export interface ExampleBuilder {
  readonly random: Random;
  readonly hints: TextHints;
  /** From 0; a later attempt is more careful. */
  readonly attempt: number;
  build(schema: Json, place: ExamplePlace): Json;
  accepts(value: Json, schema: Json): boolean;
}

/** From here on nothing is built that need not be: recursive schemas must end. */
export const frugalDepth = 4;
