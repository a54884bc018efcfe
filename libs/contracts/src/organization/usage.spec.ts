import { describe, expect, it } from '@jest/globals';
import { parse } from 'node:querystring';
import { OpenAI } from 'openai';
import { z } from 'zod';
import { endpoints } from '../endpoints/index.js';
import { costsQuery } from './costs.js';
import { type UsageKind, usageKinds, usageQueryOf } from './usage.js';

const kindOf = (id: string): UsageKind => {
  const kind = usageKinds.find((known) => known.id === id);
  if (!kind) throw new Error(`no kind ${id}`);
  return kind;
};
const completions = usageQueryOf(kindOf('completions'));

function problemsOf(schema: z.ZodType, query: object): string[] {
  return [...new Set(schema.safeParse(query).error?.issues.map(({ path }) => path.join('.')))];
}

describe('usage query', () => {
  it('reads lists as the SDK writes them, one value or many, and as repeated names', () => {
    const query = { start_time: '100', 'group_by[]': 'model', 'project_ids[]': ['a', 'b'], models: ['m', 'n'] };
    expect(completions.parse(query)).toEqual({
      start_time: 100,
      bucket_width: '1d',
      group_by: ['model'],
      project_ids: ['a', 'b'],
      models: ['m', 'n'],
    });
  });

  it('understands what the SDK sends', async () => {
    let sent = '';
    const fetch: typeof globalThis.fetch = (url) => {
      sent = new URL(url instanceof Request ? url.url : url).search.slice(1);
      return Promise.resolve(Response.json({ object: 'page', data: [], has_more: false, next_page: null }));
    };
    const client = new OpenAI({ adminAPIKey: 'sk-modapi-admin-none', baseURL: 'http://sdk.test/v1', fetch });
    const { usage } = client.admin.organization;
    await usage.completions({
      start_time: 100,
      batch: false,
      group_by: ['model', 'project_id'],
      models: ['openai/gpt'],
      limit: 3,
    });
    expect(completions.parse({ ...parse(sent) })).toEqual({
      start_time: 100,
      bucket_width: '1d',
      batch: false,
      group_by: ['model', 'project_id'],
      models: ['openai/gpt'],
      limit: 3,
    });
    await usage.costs({ start_time: 100, group_by: ['line_item'], api_key_ids: ['a', 'b'], line_items: ['refund'] });
    expect(costsQuery.parse({ ...parse(sent) })).toMatchObject({
      group_by: ['line_item'],
      api_key_ids: ['a', 'b'],
      line_items: ['refund'],
    });
  });

  it('joins both spellings of one list', () => {
    const query = { start_time: '100', 'group_by[]': ['model'], group_by: 'batch' };
    expect(completions.parse(query).group_by).toEqual(['model', 'batch']);
  });

  it('accepts what it returned', () => {
    const once = completions.parse({
      start_time: '1',
      end_time: '2',
      'group_by[]': 'model',
      batch: 'false',
      limit: '3',
    });
    expect(once.batch).toBe(false);
    expect(completions.parse(once)).toEqual(once);
  });

  it.each([
    [{}, 'start_time'],
    [{ start_time: '1.5' }, 'start_time'],
    [{ start_time: '-1' }, 'start_time'],
    [{ start_time: '9999999999' }, 'start_time'],
    [{ start_time: '5', end_time: '5' }, 'end_time'],
    [{ start_time: '5', bucket_width: '1w' }, 'bucket_width'],
    [{ start_time: '5', group_by: 'line_item' }, 'group_by.0'],
    [{ start_time: '5', 'project_ids[]': '' }, 'project_ids.0'],
    [{ start_time: '5', limit: '0' }, 'limit'],
    [{ start_time: '5', limit: '32' }, 'limit'],
    [{ start_time: '5', limit: '169', bucket_width: '1h' }, 'limit'],
    [{ start_time: '5', limit: '1441', bucket_width: '1m' }, 'limit'],
    [{ start_time: '5', batch: 'maybe' }, 'batch'],
  ])('says which parameter of %j is wrong: %s', (query, parameter) => {
    expect(problemsOf(completions, query)).toEqual([parameter]);
  });

  it('lets each width have its own largest page', () => {
    for (const [bucket_width, limit] of Object.entries({ '1d': '31', '1h': '168', '1m': '1440' })) {
      expect(problemsOf(completions, { start_time: '5', bucket_width, limit })).toEqual([]);
    }
  });

  it('refuses a parameter that it does not know, instead of ignoring a wish', () => {
    expect(completions.safeParse({ start_time: '5', project_id: 'a' }).success).toBe(false);
    expect(usageQueryOf(kindOf('embeddings')).safeParse({ start_time: '5', batch: 'true' }).success).toBe(false);
    expect(usageQueryOf(kindOf('images')).safeParse({ start_time: '5', 'sizes[]': '256x256' }).success).toBe(true);
  });

  it('has a JSON schema for the OpenAPI page', () => {
    for (const kind of usageKinds) expect(z.toJSONSchema(usageQueryOf(kind))).toHaveProperty('properties.start_time');
    expect(z.toJSONSchema(costsQuery)).toHaveProperty('properties.line_items');
  });
});

describe('usage kinds', () => {
  it('counts every endpoint exactly once', () => {
    const counted = usageKinds.flatMap((kind) => kind.endpoints);
    expect(new Set(counted).size).toBe(counted.length);
    expect(counted).toEqual(expect.arrayContaining(endpoints.map(({ id }) => id)));
  });
});

describe('costs query', () => {
  it('defaults to a week of days', () => {
    expect(costsQuery.parse({ start_time: '5' })).toEqual({
      start_time: 5,
      bucket_width: '1d',
      group_by: [],
      limit: 7,
    });
  });

  it.each([
    [{ start_time: '5', bucket_width: '1h' }, 'bucket_width'],
    [{ start_time: '5', limit: '181' }, 'limit'],
    [{ start_time: '5', 'group_by[]': 'model' }, 'group_by.0'],
    [{ start_time: '5', end_time: '4' }, 'end_time'],
  ])('says which parameter of %j is wrong: %s', (query, parameter) => {
    expect(problemsOf(costsQuery, query)).toEqual([parameter]);
  });
});
