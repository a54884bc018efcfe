import { isObject, type Json, type JsonObject, sameJson } from '../json.js';
import { resolveReference } from './references.js';

/** No value can satisfy the schema, as far as could be seen. */
export class Unsatisfiable extends Error {
  constructor() {
    super('no value satisfies this schema');
    this.name = 'Unsatisfiable';
  }
}

export interface FlattenOptions {
  readonly root: Json;
  /** Chooses a branch of `anyOf` or `oneOf`. */
  choose(branches: readonly Json[]): Json;
  /** Whether to satisfy `if` and `then` (or else `else`). */
  readonly takeThen: boolean;
}

const deepest = 60;

/** One plain schema that implies the given one: references followed, `allOf` merged, one branch of each choice taken. */
export function flatten(schema: Json, options: FlattenOptions, depth = 0): JsonObject {
  if (schema === false || depth > deepest) throw new Unsatisfiable();
  if (!isObject(schema)) return {};
  const { $ref, $dynamicRef, allOf, anyOf, oneOf, if: condition, then, else: otherwise, ...own } = schema;
  const parts: Json[] = [];
  for (const reference of [$ref, $dynamicRef]) {
    if (typeof reference === 'string') parts.push(resolveReference(options.root, reference) ?? true);
  }
  if (Array.isArray(allOf)) parts.push(...allOf);
  for (const branches of [anyOf, oneOf]) {
    if (!Array.isArray(branches)) continue;
    if (branches.length === 0) throw new Unsatisfiable();
    parts.push(options.choose(branches));
  }
  if (condition !== undefined) {
    if (options.takeThen) parts.push(condition, then ?? true);
    else parts.push({ not: condition }, otherwise ?? true);
  }
  return parts.reduce<JsonObject>((merged, part) => merge(merged, flatten(part, options, depth + 1)), own);
}

type Merger = (left: Json, right: Json) => Json;

const both: Merger = (left, right) => ({ allOf: [left, right] });
const larger: Merger = (left, right) => (Number(left) >= Number(right) ? left : right);
const smaller: Merger = (left, right) => (Number(left) <= Number(right) ? left : right);
const either: Merger = (left, right) => left === true || right === true;

const mergeMaps: Merger = (left, right) => {
  if (!isObject(left) || !isObject(right)) return left;
  const merged = { ...left };
  for (const [name, schema] of Object.entries(right)) {
    merged[name] = Object.hasOwn(left, name) ? both(left[name] ?? true, schema) : schema;
  }
  return merged;
};

const asList = (value: Json): Json[] => (Array.isArray(value) ? value : [value]);

const commonTypes: Merger = (left, right) => {
  const types = asList(left).flatMap((type) => {
    if (asList(right).includes(type)) return [type];
    if (type === 'integer' && asList(right).includes('number')) return ['integer'];
    return type === 'number' && asList(right).includes('integer') ? ['integer'] : [];
  });
  if (types.length === 0) throw new Unsatisfiable();
  return types;
};

const commonValues: Merger = (left, right) => {
  const values = asList(left).filter((value) => asList(right).some((other) => sameJson(value, other)));
  if (values.length === 0) throw new Unsatisfiable();
  return values;
};

const mergeItems: Merger = (left, right) => {
  if (!Array.isArray(left) || !Array.isArray(right)) return both(left, right);
  const length = Math.max(left.length, right.length);
  return Array.from({ length }, (_, index) => both(left[index] ?? true, right[index] ?? true));
};

/** How two schemas that must both hold become one; a keyword that is not listed keeps its first rule. */
const mergers = new Map<string, Merger>([
  ['type', commonTypes],
  ['enum', commonValues],
  ['required', (left, right) => [...new Set([...asList(left), ...asList(right)])]],
  ['properties', mergeMaps],
  ['patternProperties', mergeMaps],
  ['dependentSchemas', mergeMaps],
  ['dependentRequired', (left, right) => (isObject(left) && isObject(right) ? { ...left, ...right } : left)],
  ['additionalProperties', both],
  ['propertyNames', both],
  ['prefixItems', mergeItems],
  ['items', mergeItems],
  ['not', (left, right) => ({ anyOf: [left, right] })],
  ['minimum', larger],
  ['exclusiveMinimum', larger],
  ['minLength', larger],
  ['minItems', larger],
  ['minProperties', larger],
  ['minContains', larger],
  ['maximum', smaller],
  ['exclusiveMaximum', smaller],
  ['maxLength', smaller],
  ['maxItems', smaller],
  ['maxProperties', smaller],
  ['uniqueItems', either],
  ['multipleOf', commonMultiple],
]);

function commonMultiple(left: Json, right: Json): Json {
  const [small, large] = [Number(left), Number(right)].toSorted((one, other) => one - other);
  if (small === undefined || large === undefined || small <= 0) return left;
  for (let factor = 1; factor <= 1_000; factor++) {
    if (Number.isInteger((large * factor) / small)) return large * factor;
  }
  return left;
}

function merge(left: JsonObject, right: JsonObject): JsonObject {
  const merged = { ...left };
  for (const [keyword, rule] of Object.entries(right)) {
    const old = merged[keyword];
    if (old === undefined) merged[keyword] = rule;
    else merged[keyword] = mergers.get(keyword)?.(old, rule) ?? old;
  }
  return merged;
}
