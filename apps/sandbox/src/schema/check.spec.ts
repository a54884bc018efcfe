import { describe, expect, it } from '@jest/globals';
import type { Json } from '../json.js';
import { satisfies } from './check.js';

/** An object literal with `then` would be a promise to some. */
const parsed = (json: string): Json => JSON.parse(json) as Json;

/** Schema, values that fit, values that do not: by JSON Schema 2020-12. */
const cases: readonly (readonly [string, Json, readonly Json[], readonly Json[]])[] = [
  ['true and false', { properties: { a: true, b: false } }, [{ a: 1 }, 7], [{ b: 1 }]],
  ['type', { type: ['integer', 'null'] }, [1, 1.0, null], [1.5, '1', {}, []]],
  ['type object', { type: 'object' }, [{}], [[], null, 'a']],
  ['enum and const', { enum: [1, { a: [2] }] }, [1, { a: [2] }], [2, { a: [3] }]],
  ['const', { const: { a: 1, b: 2 } }, [{ b: 2, a: 1 }], [{ a: 1 }]],
  ['bounds', { minimum: 1, exclusiveMaximum: 3 }, [1, 2.9, 'no number'], [0.9, 3]],
  ['bounds of draft 4', { minimum: 1, exclusiveMinimum: true }, [1.1], [1]],
  ['multipleOf', { multipleOf: 0.5 }, [1, 2.5], [0.3]],
  ['length in characters', { minLength: 2, maxLength: 3 }, ['ab', '🙂🙂🙂'], ['a', '🙂🙂🙂🙂']],
  ['pattern', { pattern: 'b+' }, ['abba', 1], ['aa']],
  ['format', { format: 'date' }, ['2024-02-29'], ['2023-02-29', '2024-2-9']],
  ['items', { items: { type: 'string' } }, [[], ['a']], [['a', 1]]],
  ['prefixItems', { prefixItems: [{ type: 'string' }], items: false }, [[], ['a']], [[1], ['a', 'b']]],
  ['items of draft 7', { items: [{ type: 'string' }], additionalItems: { type: 'null' } }, [['a', null]], [['a', 1]]],
  ['contains', { contains: { const: 1 }, minContains: 2 }, [[1, 0, 1]], [[1, 0], []]],
  [
    'uniqueItems',
    { uniqueItems: true },
    [[1, '1', { a: 1 }]],
    [
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
    ],
  ],
  ['required', { required: ['a'] }, [{ a: null }, 'text'], [{}]],
  [
    'additionalProperties',
    { properties: { a: {} }, patternProperties: { '^p': {} }, additionalProperties: false },
    [{ a: 1, px: 1 }],
    [{ b: 1 }],
  ],
  ['patternProperties', { patternProperties: { '^n': { type: 'number' } } }, [{ n1: 1, a: 'a' }], [{ n1: 'a' }]],
  ['propertyNames', { propertyNames: { maxLength: 2 } }, [{ ab: 1 }], [{ abc: 1 }]],
  ['dependentRequired', { dependentRequired: { a: ['b'] } }, [{ b: 1 }, { a: 1, b: 1 }], [{ a: 1 }]],
  ['dependentSchemas', { dependentSchemas: { a: { minProperties: 2 } } }, [{ a: 1, b: 2 }, { b: 1 }], [{ a: 1 }]],
  ['allOf', { allOf: [{ minimum: 1 }, { maximum: 3 }] }, [2], [0, 4]],
  ['anyOf', { anyOf: [{ type: 'string' }, { minimum: 5 }] }, ['a', 6], [4]],
  ['oneOf', { oneOf: [{ minimum: 2 }, { maximum: 4 }] }, [1, 5], [3]],
  ['not', { not: { type: 'string' } }, [1], ['a']],
  ['if', parsed('{"if":{"minimum":10},"then":{"multipleOf":10},"else":{"maximum":5}}'), [20, 3], [15, 7]],
  ['$ref with neighbours', { $ref: '#/$defs/a~1b', minimum: 2, $defs: { 'a/b': { type: 'integer' } } }, [2], [1, 2.5]],
  ['$anchor', { $ref: '#here', $defs: { part: { $anchor: 'here', type: 'null' } } }, [null], [1]],
  [
    'recursion',
    { properties: { next: { $ref: '#' } }, required: ['v'] },
    [{ v: 1, next: { v: 1 } }],
    [{ v: 1, next: {} }],
  ],
];

describe('satisfies', () => {
  it.each(cases)('%s', (_, schema, good, bad) => {
    for (const value of good) expect([value, satisfies(value, schema)]).toEqual([value, true]);
    for (const value of bad) expect([value, satisfies(value, schema)]).toEqual([value, false]);
  });

  it('ends on a reference that leads to itself', () => {
    expect(satisfies(1, { $ref: '#' })).toBe(false);
  });
});
