import { type Json, type JsonObject, sameJson } from '../json.js';
import { type ExampleBuilder, type ExamplePlace, frugalDepth } from './example-builder.js';
import { Unsatisfiable } from './flatten.js';

const mostItems = 2_000;
const triesForUnique = 25;

interface Shape {
  readonly prefix: readonly Json[];
  /** Of the items behind the prefix. */
  readonly rest: Json;
  readonly minItems: number;
  readonly maxItems: number;
  readonly unique: boolean;
}

/** An array of the right length, with what `contains` asks for, and without duplicates where they are forbidden. */
export function arrayExample(schema: JsonObject, place: ExamplePlace, builder: ExampleBuilder): Json {
  const shape = shapeOf(schema);
  if (shape.minItems > Math.min(shape.maxItems, mostItems)) throw new Unsatisfiable();
  const inner = { name: place.name, depth: place.depth + 1 };
  const items: Json[] = [];
  const add = (itemSchema: Json): void => {
    items.push(shape.unique ? buildUnlike(items, itemSchema, inner, builder) : builder.build(itemSchema, inner));
  };
  const length = lengthFor(shape, place, builder);
  for (const itemSchema of shape.prefix.slice(0, length)) add(itemSchema);
  for (let left = containsNeeded(schema); left > 0; left--) add({ allOf: [shape.rest, schema.contains ?? true] });
  while (items.length < length) {
    try {
      add(shape.rest);
    } catch (error) {
      // No further item can be made; enough may be there already.
      if (error instanceof Unsatisfiable && items.length >= shape.minItems) break;
      throw error;
    }
  }
  return items;
}

function shapeOf(schema: JsonObject): Shape {
  const legacyPrefix = Array.isArray(schema.items) ? schema.items : undefined;
  const prefix = legacyPrefix ?? (Array.isArray(schema.prefixItems) ? schema.prefixItems : []);
  const rest = (legacyPrefix === undefined ? schema.items : schema.additionalItems) ?? schema.unevaluatedItems ?? true;
  const most = typeof schema.maxItems === 'number' ? schema.maxItems : Number.POSITIVE_INFINITY;
  return {
    prefix,
    rest,
    minItems: typeof schema.minItems === 'number' ? schema.minItems : 0,
    maxItems: rest === false ? Math.min(most, prefix.length) : most,
    unique: schema.uniqueItems === true,
  };
}

function containsNeeded(schema: JsonObject): number {
  if (schema.contains === undefined) return 0;
  return typeof schema.minContains === 'number' ? Math.min(schema.minContains, mostItems) : 1;
}

function lengthFor(shape: Shape, place: ExamplePlace, builder: ExampleBuilder): number {
  const frugal = place.depth >= frugalDepth || builder.attempt % 3 === 1;
  // A tuple is written in full even where JSON Schema would let it be shorter.
  const least = Math.max(shape.minItems, Math.min(shape.prefix.length, shape.maxItems));
  if (frugal) return builder.attempt > 3 ? shape.minItems : least;
  if (shape.prefix.length > 0) return least;
  return Math.min(shape.maxItems, Math.max(least, builder.random.integer(1, 3)));
}

function buildUnlike(items: readonly Json[], schema: Json, place: ExamplePlace, builder: ExampleBuilder): Json {
  for (let tries = 0; tries < triesForUnique; tries++) {
    const item = builder.build(schema, place);
    if (!items.some((other) => sameJson(other, item))) return item;
  }
  throw new Unsatisfiable();
}
