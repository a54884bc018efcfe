import { isObject, type Json, type JsonObject } from '../json.js';
import type { Random } from '../random.js';
import { satisfies } from './check.js';
import { arrayExample } from './example-array.js';
import { type ExampleBuilder, type ExamplePlace, frugalDepth } from './example-builder.js';
import { numberExample } from './example-number.js';
import { objectExample } from './example-object.js';
import { stringExample } from './example-string.js';
import { flatten, Unsatisfiable } from './flatten.js';
import type { TextHints } from './text-hints.js';

const mostSteps = 20_000;
const attemptsPerValue = 12;
const deepest = 64;

/**
 * A value that satisfies a JSON Schema and, where it can, takes its content from the message.
 * A schema that nothing satisfies, or that is beyond this builder, gets `null` or an empty object.
 */
export function exampleOf(schema: Json, random: Random, hints: TextHints): Json {
  try {
    return new Builder(schema, random, hints).build(schema, { name: '', depth: 0 });
  } catch (error) {
    if (error instanceof Unsatisfiable) return isObject(schema) && schema.type === 'object' ? {} : null;
    throw error;
  }
}

type TypeExample = (schema: JsonObject, place: ExamplePlace, builder: ExampleBuilder) => Json;

/** How a value of each type is made. */
const byType = new Map<string, TypeExample>([
  ['object', objectExample],
  ['array', arrayExample],
  ['string', stringExample],
  ['number', numberExample],
  ['integer', numberExample],
  ['boolean', (_, __, { random }) => random.chance(0.5)],
  ['null', () => null],
]);

/** Keywords that only make sense for one type tell the type where `type` is missing. */
const typeByKeyword: readonly (readonly [string, string])[] = [
  ['properties', 'object'],
  ['required', 'object'],
  ['additionalProperties', 'object'],
  ['patternProperties', 'object'],
  ['minProperties', 'object'],
  ['propertyNames', 'object'],
  ['items', 'array'],
  ['prefixItems', 'array'],
  ['contains', 'array'],
  ['minItems', 'array'],
  ['pattern', 'string'],
  ['format', 'string'],
  ['minLength', 'string'],
  ['maxLength', 'string'],
  ['minimum', 'number'],
  ['maximum', 'number'],
  ['exclusiveMinimum', 'number'],
  ['exclusiveMaximum', 'number'],
  ['multipleOf', 'number'],
];
const anyType = ['string', 'integer', 'boolean', 'object', 'array', 'null'];

class Builder implements ExampleBuilder {
  attempt = 0;
  private steps = 0;

  constructor(
    private readonly root: Json,
    readonly random: Random,
    readonly hints: TextHints,
  ) {}

  accepts(value: Json, schema: Json): boolean {
    return satisfies(value, schema, this.root);
  }

  build(schema: Json, place: ExamplePlace): Json {
    if (schema === false || place.depth > deepest) throw new Unsatisfiable();
    for (let attempt = 0; attempt < attemptsPerValue; attempt++) {
      const value = this.tryBuild(schema, place, attempt);
      if (value !== undefined && this.accepts(value, schema)) return value;
    }
    throw new Unsatisfiable();
  }

  private tryBuild(schema: Json, place: ExamplePlace, attempt: number): Json | undefined {
    if (++this.steps > mostSteps) throw new Unsatisfiable();
    try {
      const flat = flatten(schema, {
        root: this.root,
        choose: (branches) => this.chooseBranch(branches, place, attempt),
        takeThen: attempt % 2 === 0,
      });
      return this.fixedValue(flat, schema, attempt) ?? this.typedValue(flat, place, attempt);
    } catch (error) {
      // Another branch or another set of properties may do, unless all steps are used up.
      if (error instanceof Unsatisfiable && this.steps <= mostSteps) return undefined;
      throw error;
    }
  }

  /** `const`, `enum`, `default` and `examples`: values that the schema itself names. */
  private fixedValue(flat: JsonObject, schema: Json, attempt: number): Json | undefined {
    if (flat.const !== undefined) return flat.const;
    if (Array.isArray(flat.enum)) {
      const allowed = flat.enum.filter((value) => this.accepts(value, schema));
      return this.mentionedIn(allowed) ?? this.random.pick(allowed.filter((value) => value !== null)) ?? allowed[0];
    }
    if (attempt > 0) return undefined;
    const named = [flat.default, ...(Array.isArray(flat.examples) ? flat.examples : [])];
    return named.find((value) => value !== undefined && value !== null && this.accepts(value, schema));
  }

  private mentionedIn(allowed: readonly Json[]): Json | undefined {
    const mentioned = allowed.find((value) => typeof value === 'string' && this.hints.mentions(value));
    if (typeof mentioned === 'string') this.hints.use(mentioned);
    return mentioned;
  }

  private typedValue(flat: JsonObject, place: ExamplePlace, attempt: number): Json | undefined {
    const type = this.chooseType(flat, place, attempt);
    const outer = this.attempt;
    this.attempt = attempt;
    try {
      return byType.get(type)?.(flat, place, this);
    } finally {
      this.attempt = outer;
    }
  }

  private chooseType(flat: JsonObject, place: ExamplePlace, attempt: number): string {
    const types = [flat.type].flat().filter((type) => typeof type === 'string');
    if (types.length === 0) {
      const implied = typeByKeyword.find(([keyword]) => flat[keyword] !== undefined)?.[1];
      if (implied !== undefined && attempt < attemptsPerValue / 2) return implied;
      return anyType[attempt % anyType.length] ?? 'string';
    }
    const isPlain = (type: string): boolean => type !== 'null' && (place.depth < frugalDepth || type !== 'object');
    const ordered = [...types.filter(isPlain), ...types.filter((type) => !isPlain(type))];
    if (place.depth > frugalDepth && ordered.includes('null')) ordered.unshift('null');
    return ordered[attempt % ordered.length] ?? 'null';
  }

  /** Each attempt takes another branch: first one that is not null, or in the depth the smallest one. */
  private chooseBranch(branches: readonly Json[], place: ExamplePlace, attempt: number): Json {
    if (place.depth >= frugalDepth) {
      const sized = branches.map((branch) => ({
        branch,
        size: JSON.stringify(branch).length + (isRecursive(branch) ? 1e6 : 0),
      }));
      const smallest = sized.toSorted((left, right) => left.size - right.size);
      return smallest[attempt % smallest.length]?.branch ?? true;
    }
    const ordered = [...branches.filter((branch) => !isNull(branch)), ...branches.filter(isNull)];
    const start = this.random.integer(0, Math.max(0, ordered.length - branches.filter(isNull).length - 1));
    return ordered[(start + attempt) % ordered.length] ?? true;
  }
}

function isNull(schema: Json): boolean {
  return isObject(schema) && (schema.type === 'null' || schema.const === null);
}

function isRecursive(schema: Json): boolean {
  return isObject(schema) && JSON.stringify(schema).includes('"$ref"');
}
