import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { organizationRoutes } from './index.js';

/** What zod says by itself: words of a library, of no use to who reads an error. */
const rawText = /expected|received|^too (small|big)|^invalid/i;

const long = 'x'.repeat(300);
const wrong: readonly unknown[] = [
  ...[null, true, -1, 0, 1.5, 1e300, '', 'x', ' ', '-1', '1e9', long, {}, [], [5], [' '], [long]],
  ...[Array(2_000).fill('a'), { input: 5, output: '-' }],
];

/** As ingress and billing tell them: of several forms the first, or all together. */
function messagesOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') return [];
  if (issue.code !== 'invalid_union') return [issue.message];
  return [issue.message, issue.errors[0]?.[0]?.message ?? ''];
}

const schemas = organizationRoutes.flatMap(({ id, query, body }) =>
  [query, body].filter((schema) => schema !== undefined).map((schema) => [id, schema] as const),
);

describe('a wrong parameter', () => {
  it.each(schemas)('of %s is told in our own words', (_id, schema) => {
    const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
    const names = Object.keys(properties);
    expect(names).not.toEqual([]);
    const told = names.flatMap((name) =>
      wrong.flatMap((value) => {
        const issues = schema.safeParse({ [name]: value }).error?.issues ?? [];
        return issues.filter(({ path }) => path[0] === name).flatMap(messagesOf);
      }),
    );
    expect(told.length).toBeGreaterThan(0);
    expect([...new Set(told)].filter((message) => rawText.test(message) || message === '')).toEqual([]);
  });
});
