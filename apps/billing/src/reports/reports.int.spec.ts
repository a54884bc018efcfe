import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource, EntityManager } from 'typeorm';
import {
  callerSchema,
  type CostsResult,
  costsRoutes,
  type ReportPage,
  type UsageResult,
  usageRoutes,
} from '#libs/contracts';
import type { OrganizationCall } from '../organization/handler-group.js';
import { CostsHandlers } from './costs.handlers.js';
import { insertUsage, openUsageDatabase, type UsageDatabase, type UsageOfSpec } from './testing/usage-database.js';
import { UsageRollup } from './usage-rollup.js';
import { UsageHandlers } from './usage.handlers.js';

const day = 86_400;
const midnight = Date.UTC(2026, 0, 5) / 1_000;
const handlers = { ...new UsageHandlers().handlers, ...new CostsHandlers().handlers };
let database: UsageDatabase;
let dataSource: DataSource;

/** Spread over four days and three organizations by small prime steps, so that all combinations occur. */
const usages: readonly UsageOfSpec[] = Array.from({ length: 600 }, (_, n) => ({
  organizationId: `org_${n % 3}`,
  projectId: `proj_${n % 4}`,
  keyId: `key_${n % 5}`,
  endpoint: ['chat.completions', 'responses', 'embeddings'][(n % 7) % 3] ?? '',
  model: `m/${n % 6}`,
  input: n % 11,
  cached: n % 3,
  output: n % 13,
  reasoning: n % 2,
  charge: n % 9 === 0 ? 0 : n * 1_001,
  delivered: n % 10 !== 0,
  finishedAt: new Date((midnight + ((n * 7_919) % (4 * day))) * 1_000 + 250),
}));

beforeAll(async () => {
  database = await openUsageDatabase();
  ({ dataSource } = database);
  await dataSource.query(
    `insert into organizations (id, name, billing_mode) select 'org_' || n, 'O', 'postpaid' from generate_series(0, 2) n`,
  );
  await insertUsage(dataSource, usages.slice(0, 400));
  await new UsageRollup(dataSource).step();
  // The tail: never rolled up in this file.
  await insertUsage(dataSource, usages.slice(400));
  await dataSource.query(
    `insert into ledger_transactions (kind, ref, organization_id, available_nanos, revenue_nanos, writeoff_nanos, created_at)
     select 'capture', request_id, organization_id, -charge_nanos, charge_nanos + 17, -17, finished_at from usage_records
     where charge_nanos > 0`,
  );
  await dataSource.query(
    `insert into ledger_transactions (kind, ref, organization_id, available_nanos, revenue_nanos, cash_nanos, created_at)
     values ('refund', 'org_1:r1', 'org_1', 123456789, -123456789, 0, to_timestamp($1)),
       ('refund', 'org_1:r2', 'org_1', 1, -1, 0, to_timestamp($1)),
       ('adjustment', 'org_1:a1', 'org_1', 5, 0, -5, to_timestamp($1))`,
    [midnight + day + 5],
  );
}, 30_000);

afterAll(() => database?.close());

async function call<Page = ReportPage<UsageResult>>(routeId: string, query: object, manager?: EntityManager) {
  const handler = handlers[routeId];
  if (!handler) throw new Error(`no handler ${routeId}`);
  const ids = { keyId: 'key_a', organizationId: 'org_1', projectId: 'proj_1' };
  const wire: OrganizationCall = {
    caller: callerSchema.parse({ ...ids, scope: 'admin', billingMode: 'postpaid' }),
    organizationId: 'org_1',
    params: {},
    query: { ...query },
    body: {},
    manager: manager ?? dataSource.manager,
    audit: () => undefined,
    forgetKeys: () => undefined,
  };
  return (await handler(wire)) as Page;
}

const seconds = { '1m': 60, '1h': 3_600, '1d': day } as const;
const columnOf: Record<string, string> = { project_id: 'project_id', api_key_id: 'key_id', model: 'model' };

interface NaiveQuery {
  readonly width: keyof typeof seconds;
  readonly start: number;
  readonly end: number;
  readonly groupBy: readonly string[];
  readonly where?: string;
}

/** The same from the records alone, in the plainest SQL. */
async function naive({ width, start, end, groupBy, where = 'true' }: NaiveQuery): Promise<object[]> {
  const groups = groupBy.map((name) => `, ${columnOf[name]}`).join('');
  const rows: Record<string, string>[] = await dataSource.query(
    `select floor(extract(epoch from finished_at) / ${seconds[width]}) * ${seconds[width]} as bucket${groups},
       sum(input_tokens + input_cached_tokens) as input, sum(input_cached_tokens) as cached,
       sum(output_tokens + reasoning_tokens) as output,
       count(*) filter (where content_delivered or charge_nanos > 0) as requests
     from usage_records
     where organization_id = 'org_1' and endpoint in ('chat.completions', 'responses') and ${where}
       and finished_at >= to_timestamp(${start}) and finished_at < to_timestamp(${end})
     group by 1${groups} order by 1${groups}`,
  );
  return rows.map((row) => ({
    start: Math.max(Number(row['bucket']), start),
    input: Number(row['input']),
    cached: Number(row['cached']),
    output: Number(row['output']),
    requests: Number(row['requests']),
    groups: groupBy.map((name) => row[columnOf[name] ?? '']),
  }));
}

function told(page: ReportPage<UsageResult>, groupBy: readonly string[]): object[] {
  return page.data.flatMap((bucket) =>
    bucket.results.map((result) => ({
      start: bucket.start_time,
      input: result['input_tokens'],
      cached: result['input_cached_tokens'],
      output: result['output_tokens'],
      requests: result.num_model_requests,
      groups: groupBy.map((name) => result[name]),
    })),
  );
}

async function allPages<Result>(routeId: string, query: object): Promise<ReportPage<Result>[]> {
  const pages: ReportPage<Result>[] = [];
  let page: string | null | undefined;
  do {
    const answer = await call<ReportPage<Result>>(routeId, { ...query, ...(page && { page }) });
    pages.push(answer);
    page = answer.next_page;
  } while (page);
  return pages;
}

describe('usage report', () => {
  const groupings = [[], ['model'], ['project_id', 'model'], ['project_id', 'api_key_id', 'model']];
  const ranges = [
    { width: '1d', start: midnight, end: midnight + 4 * day },
    { width: '1d', start: midnight + 5_460, end: midnight + 3 * day + 7_260 },
    { width: '1h', start: midnight + 5_460, end: midnight + 4 * day - 60 },
    { width: '1m', start: midnight + 3_600, end: midnight + day },
  ] as const;

  it.each(ranges.flatMap((range) => groupings.map((groupBy) => ({ ...range, groupBy }))))(
    'equals the records: $width from $start by $groupBy',
    async ({ width, start, end, groupBy }) => {
      const limit = { '1d': 31, '1h': 168, '1m': 1440 }[width];
      const query = { start_time: start, end_time: end, bucket_width: width, limit, 'group_by[]': groupBy };
      const page = await call('usage.completions', query);
      const expected = await naive({ width, start, end, groupBy });
      expect(expected.length).toBeGreaterThan(3);
      expect(told(page, groupBy)).toEqual(expected);
      expect(page.has_more).toBe(false);
    },
  );

  it.each([
    [{ 'project_ids[]': ['proj_1', 'proj_2'] }, `project_id in ('proj_1', 'proj_2')`],
    [{ 'api_key_ids[]': 'key_3' }, `key_id = 'key_3'`],
    [{ models: ['m/1', 'm/4'], 'project_ids[]': 'proj_0' }, `model in ('m/1', 'm/4') and project_id = 'proj_0'`],
    [{ batch: 'false' }, 'true'],
    [{ batch: 'true' }, 'false'],
    [{ 'user_ids[]': 'user_1' }, 'false'],
  ])('filters by %j', async (filter, where) => {
    const range = { start: midnight, end: midnight + 4 * day };
    const page = await call('usage.completions', { start_time: range.start, end_time: range.end, ...filter });
    expect(told(page, [])).toEqual(await naive({ ...range, width: '1d', groupBy: [], where }));
  });

  it('shows every bucket on exactly one page, empty ones too', async () => {
    const query = { start_time: midnight - day + 60, end_time: midnight + 5 * day, 'group_by[]': 'model' };
    const whole = await call('usage.completions', { ...query, limit: 31 });
    const pages = await allPages<UsageResult>('usage.completions', { ...query, limit: 2 });
    expect(pages.map((page) => page.data.length)).toEqual([2, 2, 2]);
    expect(pages.flatMap((page) => page.data)).toEqual(whole.data);
    expect(whole.data[0]).toEqual({
      object: 'bucket',
      start_time: midnight - day + 60,
      end_time: midnight,
      results: [],
    });
  });

  it('has the fields of OpenAI, null where nobody grouped', async () => {
    const range = { start_time: midnight, end_time: midnight + day };
    const page = await call('usage.completions', { ...range, 'group_by[]': ['batch', 'service_tier', 'api_source'] });
    expect(page.data[0]?.results).toEqual([
      {
        object: 'organization.usage.completions.result',
        input_tokens: expect.any(Number),
        input_text_tokens: expect.any(Number),
        output_text_tokens: expect.any(Number),
        input_audio_tokens: 0,
        output_audio_tokens: 0,
        input_image_tokens: 0,
        output_image_tokens: 0,
        input_cached_tokens: expect.any(Number),
        input_uncached_tokens: expect.any(Number),
        output_tokens: expect.any(Number),
        num_model_requests: expect.any(Number),
        project_id: null,
        user_id: null,
        api_key_id: null,
        model: null,
        batch: false,
        service_tier: 'default',
        api_source: 'unlabeled',
      },
    ]);
  });

  it('keeps the kinds apart', async () => {
    const query = { start_time: midnight, end_time: midnight + 4 * day, 'group_by[]': 'model' };
    const embeddings = await call('usage.embeddings', query);
    const rows: { requests: string }[] = await dataSource.query(
      `select count(*) as requests from usage_records where organization_id = 'org_1' and endpoint = 'embeddings'
       and (content_delivered or charge_nanos > 0)`,
    );
    const results = embeddings.data.flatMap((bucket) => bucket.results);
    expect(results.reduce((sum, result) => sum + result.num_model_requests, 0)).toBe(Number(rows[0]?.requests));
    expect(results[0]).toMatchObject({ object: 'organization.usage.embeddings.result', project_id: null });
  });

  it.each(usageRoutes.map(({ id }) => id))('answers %s with buckets', async (routeId) => {
    const page = await call(routeId, { start_time: midnight + 10 * day, end_time: midnight + 12 * day });
    expect(page.data.map(({ results }) => results)).toEqual([[], []]);
  });

  it('refuses a page that is none', async () => {
    const answer = call('usage.completions', { start_time: midnight, page: 'page_nonsense' });
    await expect(answer).rejects.toMatchObject({ code: 'invalid_value', param: 'page' });
  });

  it('reads the same under row-level security, and nothing of another organization', async () => {
    const query = { start_time: midnight, end_time: midnight + 4 * day, 'group_by[]': 'model' };
    const costs = { start_time: midnight, end_time: midnight + 4 * day };
    const asOwner = [await call('usage.completions', query), await call('costs.list', costs)];
    for (const [organization, expected] of [
      ['org_1', asOwner],
      ['org_2', undefined],
    ] as const) {
      await dataSource.transaction(async (manager) => {
        await manager.query(`select set_config('app.organization', $1, true)`, [organization]);
        await manager.query('set local role modapi_api');
        const seen = [await call('usage.completions', query, manager), await call('costs.list', costs, manager)];
        if (expected) expect(seen).toEqual(expected);
        else expect(seen.flatMap((page) => page.data).flatMap(({ results }) => results)).toEqual([]);
      });
    }
  });
});

describe('cost report', () => {
  const range = { start_time: midnight - day, end_time: midnight + 6 * day, limit: 3 };
  const sumOf = (results: readonly CostsResult[]): bigint =>
    results.reduce((sum, { amount }) => sum + BigInt(amount.nano_usd), 0n);

  it.each([[[]], [['line_item']], [['project_id']], [['api_key_id', 'line_item', 'project_id']]])(
    'adds up to the ledger, to the nano-dollar: by %j',
    async (groupBy) => {
      const pages = await allPages<CostsResult>('costs.list', { ...range, 'group_by[]': groupBy });
      const results = pages.flatMap(({ data }) => data).flatMap((bucket) => bucket.results);
      const rows: { nanos: string }[] = await dataSource.query(
        `select sum(revenue_nanos + writeoff_nanos) as nanos from ledger_transactions where organization_id = 'org_1'`,
      );
      expect(sumOf(results)).toBe(BigInt(rows[0]?.nanos ?? ''));
      for (const { amount } of results)
        expect(amount.value.toFixed(9)).toBe((Number(amount.nano_usd) / 1e9).toFixed(9));
    },
  );

  it('has refunds as a line item of their own', async () => {
    const query = { ...range, 'group_by[]': 'line_item', line_items: 'refund' };
    const pages = await allPages<CostsResult>('costs.list', query);
    const days = pages.flatMap(({ data }) => data).filter((bucket) => bucket.results.length > 0);
    expect(days).toEqual([
      {
        object: 'bucket',
        start_time: midnight + day,
        end_time: midnight + 2 * day,
        results: [
          {
            object: 'organization.costs.result',
            amount: { value: -0.12345679, currency: 'usd', nano_usd: '-123456790' },
            line_item: 'refund',
            project_id: null,
            api_key_id: null,
            user_id: null,
            api_source: null,
            quantity: null,
            quantity_unit: null,
          },
        ],
      },
    ]);
  });

  it('filters by project, key and line item', async () => {
    const filter = { 'project_ids[]': 'proj_1', 'api_key_ids[]': ['key_0', 'key_2'], 'line_items[]': ['m/1', 'm/4'] };
    const pages = await allPages<CostsResult>('costs.list', { ...range, ...filter });
    const rows: { nanos: string }[] = await dataSource.query(
      `select sum(charge_nanos) as nanos from usage_records where organization_id = 'org_1' and project_id = 'proj_1'
       and key_id in ('key_0', 'key_2') and model in ('m/1', 'm/4')`,
    );
    const total = sumOf(pages.flatMap(({ data }) => data).flatMap((bucket) => bucket.results));
    expect(total).toBe(BigInt(rows[0]?.nanos ?? ''));
    expect(total).toBeGreaterThan(0n);
  });

  it('takes whole days, whatever second it is asked from', async () => {
    const query = { start_time: midnight + day + 3_601, end_time: midnight + day + 7_200 };
    const page = await call<ReportPage<CostsResult>>('costs.list', query);
    expect(page.data.map((bucket) => [bucket.start_time, bucket.end_time])).toEqual([
      [midnight + day, midnight + 2 * day],
    ]);
  });

  it('has a handler for each route of the contract', () => {
    expect(Object.keys(handlers).toSorted()).toEqual([...usageRoutes, ...costsRoutes].map(({ id }) => id).toSorted());
  });
});
