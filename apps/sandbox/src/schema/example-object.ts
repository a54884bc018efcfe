import { isObject, type Json, type JsonObject } from '../json.js';
import { type ExampleBuilder, type ExamplePlace, frugalDepth } from './example-builder.js';
import { Unsatisfiable } from './flatten.js';
import { parsePattern, UnsupportedPattern } from './pattern.js';
import { matchesPattern } from './pattern-match.js';
import { samplePattern } from './pattern-sample.js';

const mostOptional = 40;
const mostExtra = 200;

/** An object with all required properties, and with optional ones as far as the attempt is generous. */
export function objectExample(schema: JsonObject, place: ExamplePlace, builder: ExampleBuilder): Json {
  const declared = isObject(schema.properties) ? schema.properties : {};
  const required = namesIn(schema.required);
  const entries = new Map<string, Json>();
  const add = (name: string): void => {
    entries.set(name, builder.build(schemaFor(name, schema), { name, depth: place.depth + 1 }));
  };
  for (const name of required) if (!entries.has(name)) add(name);
  const most = typeof schema.maxProperties === 'number' ? schema.maxProperties : Number.POSITIVE_INFINITY;
  for (const name of chosenOptional(declared, required, place, builder)) {
    if (entries.size < most && !entries.has(name)) tryAdd(name, add);
  }
  addDependents(schema, entries, add);
  addMissing(schema, entries, { place, builder, add });
  return Object.fromEntries(inDeclaredOrder(entries, Object.keys(declared)));
}

function namesIn(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : [];
}

/** All that `properties`, `patternProperties` and `additionalProperties` say of one name. */
function schemaFor(name: string, schema: JsonObject): Json {
  const rules: Json[] = [];
  const declared = schema.properties;
  if (isObject(declared) && Object.hasOwn(declared, name)) rules.push(declared[name] ?? true);
  if (isObject(schema.patternProperties)) {
    for (const [pattern, rule] of Object.entries(schema.patternProperties)) {
      if (hasPattern(name, pattern)) rules.push(rule);
    }
  }
  // All parts of the schema are merged here, so what they left unevaluated is what is additional.
  if (rules.length === 0) return schema.additionalProperties ?? schema.unevaluatedProperties ?? true;
  return rules.length === 1 && rules[0] !== undefined ? rules[0] : { allOf: rules };
}

function hasPattern(name: string, pattern: string): boolean {
  try {
    return matchesPattern(parsePattern(pattern), name);
  } catch (error) {
    if (error instanceof UnsupportedPattern) return false;
    throw error;
  }
}

function chosenOptional(
  declared: JsonObject,
  required: readonly string[],
  place: ExamplePlace,
  { attempt, random }: ExampleBuilder,
): string[] {
  if (place.depth >= frugalDepth || attempt === 1) return [];
  const optional = Object.keys(declared).filter((name) => !required.includes(name));
  // First all, as a model under strict mode would; then none; then by chance, for schemas that tie properties together.
  const likelihood = attempt === 0 ? 1 : 0.5;
  return optional.slice(0, mostOptional).filter(() => random.chance(likelihood));
}

/** An optional property that cannot be made is left out. */
function tryAdd(name: string, add: (name: string) => void): boolean {
  try {
    add(name);
    return true;
  } catch (error) {
    if (error instanceof Unsatisfiable) return false;
    throw error;
  }
}

function addDependents(schema: JsonObject, entries: ReadonlyMap<string, Json>, add: (name: string) => void): void {
  const rules = [schema.dependentRequired, schema.dependencies].filter((rule) => isObject(rule));
  let before = -1;
  while (before !== entries.size) {
    before = entries.size;
    const needed = rules.flatMap((rule) => [...entries.keys()].flatMap((name) => namesIn(rule[name])));
    for (const name of needed) if (!entries.has(name)) add(name);
  }
}

interface Additions {
  place: ExamplePlace;
  builder: ExampleBuilder;
  add: (name: string) => void;
}

/** Further names until `minProperties` is met; a map without any declared name gets one, or it would say nothing. */
function addMissing(schema: JsonObject, entries: ReadonlyMap<string, Json>, { place, builder, add }: Additions): void {
  const isMap = isObject(schema.additionalProperties) || isObject(schema.patternProperties);
  const wanted = isMap && schema.properties === undefined && builder.attempt === 0 && place.depth < frugalDepth ? 1 : 0;
  const least = typeof schema.minProperties === 'number' ? schema.minProperties : 0;
  const target = Math.max(least, Math.min(wanted, bound(schema.maxProperties)));
  const free = Object.keys(isObject(schema.properties) ? schema.properties : {}).filter((name) => !entries.has(name));
  for (let tries = 0; entries.size < target && tries < mostExtra; tries++) {
    const name = free.shift() ?? extraName(schema, tries, builder);
    if (name === undefined || entries.has(name)) continue;
    const allowed = schema.propertyNames === undefined || builder.accepts(name, schema.propertyNames);
    if (allowed) tryAdd(name, add);
  }
  if (entries.size < least) throw new Unsatisfiable();
}

function bound(value: Json | undefined): number {
  return typeof value === 'number' ? value : Number.POSITIVE_INFINITY;
}

function extraName(schema: JsonObject, tries: number, builder: ExampleBuilder): string | undefined {
  if (schema.propertyNames !== undefined) {
    const name = builder.build({ allOf: [{ type: 'string' }, schema.propertyNames] }, { name: 'key', depth: 1 });
    return typeof name === 'string' ? name : undefined;
  }
  const patterns = Object.keys(isObject(schema.patternProperties) ? schema.patternProperties : {});
  if (patterns.length > 0 && (tries % 2 === 0 || schema.additionalProperties === false)) {
    const source = patterns[tries % patterns.length] ?? '';
    // A pattern such as ^n_ has one shortest name; longer ones are tried when that is taken.
    return samplePattern(source, { minLength: tries < 6 ? 1 : tries, maxLength: 60 }, builder.random);
  }
  return tries === 0 ? 'example' : `example${tries + 1}`;
}

function inDeclaredOrder(entries: ReadonlyMap<string, Json>, declared: readonly string[]): [string, Json][] {
  const rank = new Map(declared.map((name, index) => [name, index]));
  const rankOf = (name: string): number => rank.get(name) ?? declared.length;
  return [...entries].toSorted(([left], [right]) => rankOf(left) - rankOf(right));
}
