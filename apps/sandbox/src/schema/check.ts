import { isObject, type Json, type JsonObject, sameJson } from '../json.js';
import { hasFormat } from './formats.js';
import { parsePattern, UnsupportedPattern } from './pattern.js';
import { matchesPattern } from './pattern-match.js';
import { resolveReference } from './references.js';

/** Whether a value satisfies a JSON Schema (2020-12, with the older spellings that are still in use). */
export function satisfies(value: Json, schema: Json, root: Json = schema): boolean {
  return check(value, schema, { root, depth: 0 });
}

interface Place {
  readonly root: Json;
  /** Of nested schemas; a reference that leads back to itself would never end. */
  readonly depth: number;
}

const deepest = 300;

function check(value: Json, schema: Json, place: Place): boolean {
  if (typeof schema === 'boolean') return schema;
  if (!isObject(schema)) return true;
  if (place.depth > deepest) return false;
  const inner = { root: place.root, depth: place.depth + 1 };
  for (const [keyword, rule] of Object.entries(schema)) {
    const holds = keywords.get(keyword);
    if (holds !== undefined && !holds({ value, rule, schema, place: inner })) return false;
  }
  return true;
}

interface Question {
  readonly value: Json;
  readonly rule: Json;
  /** The keyword's neighbours. */
  readonly schema: JsonObject;
  readonly place: Place;
}

type Keyword = (question: Question) => boolean;

const listOf = (rule: Json): Json[] => (Array.isArray(rule) ? rule : []);
const mapOf = (rule: Json | undefined): JsonObject => (isObject(rule) ? rule : {});
const lengthOf = (text: string): number => Array.from(text).length;

const forNumbers =
  (holds: (value: number, rule: number, schema: JsonObject) => boolean): Keyword =>
  ({ value, rule, schema }) =>
    typeof value !== 'number' || typeof rule !== 'number' || holds(value, rule, schema);
const forStrings =
  (holds: (value: string, rule: Json) => boolean): Keyword =>
  ({ value, rule }) =>
    typeof value !== 'string' || holds(value, rule);
const forArrays =
  (holds: (value: Json[], question: Question) => boolean): Keyword =>
  (question) =>
    !Array.isArray(question.value) || holds(question.value, question);
const forObjects =
  (holds: (value: JsonObject, question: Question) => boolean): Keyword =>
  (question) =>
    !isObject(question.value) || holds(question.value, question);

const isOfType = (value: Json, type: Json): boolean => {
  if (type === 'integer') return typeof value === 'number' && Number.isInteger(value);
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  return typeof value === type;
};

function followReference({ value, rule, place }: Question): boolean {
  const target = typeof rule === 'string' ? resolveReference(place.root, rule) : undefined;
  return target === undefined || check(value, target, place);
}

/** Whether a text matches; a pattern that cannot be understood says nothing. */
function hasPattern(text: string, source: Json): boolean {
  if (typeof source !== 'string') return true;
  try {
    return matchesPattern(parsePattern(source), text);
  } catch (error) {
    if (error instanceof UnsupportedPattern) return true;
    throw error;
  }
}

/** A quotient that is whole in floating point too: 0.07 / 0.01 is not. */
export function isMultiple(value: number, step: number): boolean {
  return step <= 0 || Number.isInteger(value / step);
}

function itemsHold(value: Json[], { rule, schema, place }: Question): boolean {
  // Before 2020-12 an array under `items` was what `prefixItems` is now.
  if (Array.isArray(rule)) return value.every((item, index) => check(item, rule[index] ?? true, place));
  return value.slice(listOf(schema.prefixItems ?? null).length).every((item) => check(item, rule, place));
}

function containsHolds(value: Json[], { rule, schema, place }: Question): boolean {
  const found = value.filter((item) => check(item, rule, place)).length;
  const least = typeof schema.minContains === 'number' ? schema.minContains : 1;
  const most = typeof schema.maxContains === 'number' ? schema.maxContains : Number.POSITIVE_INFINITY;
  return found >= least && found <= most;
}

function additionalHold(value: JsonObject, { rule, schema, place }: Question): boolean {
  const declared = mapOf(schema.properties);
  const patterns = Object.keys(mapOf(schema.patternProperties));
  return Object.entries(value).every(
    ([name, item]) =>
      Object.hasOwn(declared, name) ||
      patterns.some((pattern) => hasPattern(name, pattern)) ||
      check(item, rule, place),
  );
}

function eachOf(rule: Json, value: JsonObject, holds: (needed: Json) => boolean): boolean {
  return Object.entries(mapOf(rule)).every(([name, needed]) => !Object.hasOwn(value, name) || holds(needed));
}

const hasAll = (value: JsonObject, names: Json): boolean =>
  listOf(names).every((name) => typeof name !== 'string' || Object.hasOwn(value, name));

/** Every keyword that can refuse a value; one entry each. */
const keywords = new Map<string, Keyword>([
  ['$ref', followReference],
  ['$dynamicRef', followReference],
  ['type', ({ value, rule }) => (Array.isArray(rule) ? rule : [rule]).some((type) => isOfType(value, type))],
  ['const', ({ value, rule }) => sameJson(value, rule)],
  ['enum', ({ value, rule }) => listOf(rule).some((allowed) => sameJson(value, allowed))],
  ['allOf', ({ value, rule, place }) => listOf(rule).every((part) => check(value, part, place))],
  ['anyOf', ({ value, rule, place }) => listOf(rule).some((part) => check(value, part, place))],
  ['oneOf', ({ value, rule, place }) => listOf(rule).filter((part) => check(value, part, place)).length === 1],
  ['not', ({ value, rule, place }) => !check(value, rule, place)],
  [
    'if',
    ({ value, rule, schema, place }) =>
      check(value, (check(value, rule, place) ? schema.then : schema.else) ?? true, place),
  ],
  [
    'minimum',
    forNumbers((value, rule, { exclusiveMinimum }) => (exclusiveMinimum === true ? value > rule : value >= rule)),
  ],
  [
    'maximum',
    forNumbers((value, rule, { exclusiveMaximum }) => (exclusiveMaximum === true ? value < rule : value <= rule)),
  ],
  ['exclusiveMinimum', forNumbers((value, rule) => value > rule)],
  ['exclusiveMaximum', forNumbers((value, rule) => value < rule)],
  ['multipleOf', forNumbers(isMultiple)],
  ['minLength', forStrings((value, rule) => typeof rule !== 'number' || lengthOf(value) >= rule)],
  ['maxLength', forStrings((value, rule) => typeof rule !== 'number' || lengthOf(value) <= rule)],
  ['pattern', forStrings(hasPattern)],
  ['format', forStrings((value, rule) => typeof rule !== 'string' || hasFormat(value, rule))],
  ['minItems', forArrays((value, { rule }) => typeof rule !== 'number' || value.length >= rule)],
  ['maxItems', forArrays((value, { rule }) => typeof rule !== 'number' || value.length <= rule)],
  [
    'uniqueItems',
    forArrays(
      (value, { rule }) => rule !== true || new Set(value.map((item) => canonical(item))).size === value.length,
    ),
  ],
  [
    'prefixItems',
    forArrays((value, { rule, place }) =>
      value.every((item, index) => check(item, listOf(rule)[index] ?? true, place)),
    ),
  ],
  ['items', forArrays(itemsHold)],
  [
    'additionalItems',
    forArrays(
      (value, { rule, schema, place }) =>
        !Array.isArray(schema.items) || value.slice(schema.items.length).every((item) => check(item, rule, place)),
    ),
  ],
  ['contains', forArrays(containsHolds)],
  ['required', forObjects((value, { rule }) => hasAll(value, rule))],
  ['properties', forObjects((value, { rule, place }) => propertiesHold(value, rule, place))],
  [
    'patternProperties',
    forObjects((value, { rule, place }) =>
      Object.entries(mapOf(rule)).every(([pattern, needed]) =>
        Object.entries(value).every(([name, item]) => !hasPattern(name, pattern) || check(item, needed, place)),
      ),
    ),
  ],
  ['additionalProperties', forObjects(additionalHold)],
  [
    'propertyNames',
    forObjects((value, { rule, place }) => Object.keys(value).every((name) => check(name, rule, place))),
  ],
  ['minProperties', forObjects((value, { rule }) => typeof rule !== 'number' || Object.keys(value).length >= rule)],
  ['maxProperties', forObjects((value, { rule }) => typeof rule !== 'number' || Object.keys(value).length <= rule)],
  ['dependentRequired', forObjects((value, { rule }) => eachOf(rule, value, (names) => hasAll(value, names)))],
  [
    'dependentSchemas',
    forObjects((value, { rule, place }) => eachOf(rule, value, (needed) => check(value, needed, place))),
  ],
  [
    'dependencies',
    forObjects((value, { rule, place }) =>
      eachOf(rule, value, (needed) => (Array.isArray(needed) ? hasAll(value, needed) : check(value, needed, place))),
    ),
  ],
]);

function propertiesHold(value: JsonObject, rule: Json, place: Place): boolean {
  return Object.entries(mapOf(rule)).every(
    ([name, needed]) => !Object.hasOwn(value, name) || check(value[name] ?? null, needed, place),
  );
}

/** Equal values have equal texts, whatever the order of their keys. */
function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([name, item]) => `${JSON.stringify(name)}:${canonical(item)}`).join(',')}}`;
}
