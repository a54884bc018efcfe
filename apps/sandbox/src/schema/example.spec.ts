import { describe, expect, it } from '@jest/globals';
import { type Json, type JsonObject } from '../json.js';
import { Random } from '../random.js';
import { satisfies } from './check.js';
import { exampleOf } from './example.js';
import { TextHints } from './text-hints.js';

const message = 'Book a table for 4 people at "Chez Ada" in Lyon on 2026-05-01 and write to ada@example.org';

function make(schema: Json, seed = 1, text = message): Json {
  return exampleOf(schema, new Random(seed), new TextHints(text));
}

/** An object literal with `then` would be a promise to some. */
const conditions = JSON.parse(
  '{"if":{"properties":{"kind":{"const":"p"}}},"then":{"properties":{"n":{"minimum":500}}},"else":{"properties":{"n":{"maximum":-500}}}}',
) as JsonObject;

const object = (properties: JsonObject, required: string[] = Object.keys(properties)): JsonObject => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

/** The checker has a spec of its own, by hand. */
const corpus: readonly (readonly [string, Json])[] = [
  ['weather', object({ location: { type: 'string' }, unit: { type: 'string', enum: ['celsius', 'fahrenheit'] } })],
  ['nothing at all', {}],
  ['no properties', { type: 'object', properties: {} }],
  [
    'strings of a length',
    object({ a: { type: 'string', minLength: 30, maxLength: 32 }, b: { type: 'string', maxLength: 1 } }),
  ],
  ['a pattern', object({ code: { type: 'string', pattern: '^[A-Z]{2}-\\d{3,}$', maxLength: 7 } })],
  ['a password pattern', { type: 'string', pattern: '^(?=.*[A-Z])(?=.*\\d)[A-Za-z\\d]{8,}$' }],
  [
    'formats',
    object(
      Object.fromEntries(
        [
          'date-time',
          'date',
          'time',
          'duration',
          'email',
          'hostname',
          'ipv4',
          'ipv6',
          'uri',
          'uuid',
          'json-pointer',
          'regex',
        ].map((format) => [format, { type: 'string', format }]),
      ),
    ),
  ],
  [
    'numbers',
    object({
      a: { type: 'integer', minimum: 5, maximum: 5 },
      b: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 0.01 },
    }),
  ],
  [
    'a grid',
    object({
      a: { type: 'number', multipleOf: 0.01, minimum: 0.5, maximum: 0.6 },
      b: { type: 'integer', multipleOf: 7, minimum: 100 },
    }),
  ],
  ['negative only', { type: 'integer', maximum: -1000 }],
  ['no type', object({ a: { enum: ['p', 7] }, b: { const: null }, c: { minLength: 3 }, d: { maximum: 2 } })],
  ['nullable', object({ a: { type: ['string', 'null'] }, b: { anyOf: [{ type: 'integer' }, { type: 'null' }] } })],
  [
    'arrays',
    object({
      a: { type: 'array', items: { type: 'integer' }, minItems: 3, maxItems: 3 },
      b: { type: 'array', maxItems: 0 },
    }),
  ],
  ['unique items', { type: 'array', items: { enum: ['p', 'q', 'r'] }, minItems: 3, uniqueItems: true }],
  ['a tuple', { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }], items: false, minItems: 2 }],
  [
    'a tuple of draft 7',
    { type: 'array', items: [{ type: 'string' }, { const: 2 }], additionalItems: false, minItems: 2 },
  ],
  ['contains', { type: 'array', items: { type: 'integer' }, contains: { const: 7 }, minContains: 2 }],
  ['a map', { type: 'object', additionalProperties: { type: 'integer' }, minProperties: 2 }],
  ['names with a pattern', { type: 'object', propertyNames: { pattern: '^[a-z]{4}$' }, minProperties: 3 }],
  [
    'pattern properties',
    { type: 'object', patternProperties: { '^n_': { type: 'number' } }, additionalProperties: false, minProperties: 2 },
  ],
  ['required but undeclared', { type: 'object', required: ['p'], additionalProperties: { type: 'boolean' } }],
  ['allOf', { allOf: [object({ a: { type: 'string' } }), { properties: { a: { minLength: 25 } } }] }],
  [
    'allOf of objects',
    {
      allOf: [
        { properties: { a: { type: 'string' } }, required: ['a'] },
        { properties: { b: { type: 'integer' } }, required: ['b'] },
      ],
    },
  ],
  [
    'oneOf that excludes',
    {
      oneOf: [
        { type: 'integer', minimum: 0 },
        { type: 'integer', maximum: 10 },
      ],
    },
  ],
  ['oneOf by tag', { oneOf: ['p', 'q'].map((tag) => object({ tag: { const: tag }, [tag]: { type: 'integer' } })) }],
  [
    'oneOf of required',
    { type: 'object', properties: { a: {}, b: {} }, oneOf: [{ required: ['a'] }, { required: ['b'] }] },
  ],
  ['not', { type: 'integer', not: { minimum: 10 } }],
  [
    'if then else',
    {
      ...object({ kind: { enum: ['p', 'q'] }, n: { type: 'integer' } }),
      ...conditions,
    },
  ],
  [
    'dependent properties',
    {
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'string' } },
      dependentRequired: { a: ['b'] },
      minProperties: 1,
    },
  ],
  [
    'references',
    {
      $ref: '#/$defs/person',
      $defs: { person: object({ name: { $ref: '#/$defs/name' } }), name: { type: 'string', maxLength: 4 } },
    },
  ],
  [
    'definitions and anchors',
    {
      $ref: '#it',
      definitions: {
        list: { $anchor: 'it', type: 'array', items: { $ref: '#/definitions/item' }, minItems: 1 },
        item: { type: 'null' },
      },
    },
  ],
  [
    'a tree',
    {
      $ref: '#/$defs/node',
      $defs: {
        node: object({ value: { type: 'string' }, children: { type: 'array', items: { $ref: '#/$defs/node' } } }),
      },
    },
  ],
  ['a linked list', object({ value: { type: 'integer' }, next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } })],
  [
    'an expression',
    {
      $ref: '#/$defs/term',
      $defs: {
        term: {
          anyOf: [
            object({ op: { const: '+' }, left: { $ref: '#/$defs/term' }, right: { $ref: '#/$defs/term' } }),
            { type: 'number' },
          ],
        },
      },
    },
  ],
  [
    'unevaluated properties',
    { allOf: [{ properties: { a: { type: 'string' } } }], required: ['a'], unevaluatedProperties: false },
  ],
];

describe('exampleOf', () => {
  it.each(corpus)('satisfies: %s', (_, schema) => {
    for (let seed = 0; seed < 25; seed++) {
      const value = make(schema, seed);
      expect([JSON.stringify(value), satisfies(value, schema)]).toEqual([JSON.stringify(value), true]);
      expect(JSON.parse(JSON.stringify(value))).toEqual(value);
    }
  });

  it('is the same for the same seed', () => {
    for (const [, schema] of corpus) expect(make(schema, 3)).toEqual(make(schema, 3));
  });

  it('takes its values from the message where they fit', () => {
    const schema = object({
      city: { type: 'string' },
      people: { type: 'integer', minimum: 1, maximum: 12 },
      date: { type: 'string', format: 'date' },
      email: { type: 'string', format: 'email' },
      kind: { type: 'string', enum: ['room', 'table'] },
    });
    expect(make(schema)).toEqual({
      city: 'Lyon',
      people: 4,
      date: '2026-05-01',
      email: 'ada@example.org',
      kind: 'table',
    });
  });

  it('does not force a value of the message where it does not fit', () => {
    expect(make({ type: 'integer', minimum: 50, maximum: 50 })).toBe(50);
    expect(make({ type: 'string', maxLength: 2 })).toHaveLength(2);
  });

  it('includes optional properties and stops in the depth', () => {
    expect(
      Object.keys(make({ type: 'object', properties: { a: { type: 'null' }, b: { type: 'null' } } }) as JsonObject),
    ).toEqual(['a', 'b']);
    const tree = { type: 'object', properties: { children: { type: 'array', items: { $ref: '#' } } } };
    expect(JSON.stringify(make(tree)).length).toBeLessThan(2_000);
  });

  it.each<[string, Json]>([
    ['false', false],
    ['a contradiction', { type: 'string', minLength: 3, maxLength: 2 }],
    ['an endless requirement', object({ next: { $ref: '#' } })],
    ['a reference to itself', { $ref: '#' }],
    ['a billion items', { type: 'array', minItems: 1e9 }],
  ])('gives up on %s in finite time', (_, schema) => {
    expect([null, {}]).toContainEqual(make(schema));
  });

  it('writes some text where a pattern is not understood', () => {
    expect(typeof make({ type: 'string', pattern: '(a)\\1(?<=b)' }, 1, 'hi')).toBe('string');
  });

  it('keeps a property called __proto__ a property', () => {
    const schema = JSON.parse(
      '{"type":"object","properties":{"__proto__":{"const":1}},"required":["__proto__"]}',
    ) as Json;
    expect(JSON.stringify(make(schema))).toBe('{"__proto__":1}');
  });
});
