import type { DataSource, EntityManager } from 'typeorm';
import { readCosts, readUsage } from '#apps/billing';
import { type BucketWidth, bucketWidths, costsQuery, usageKinds, usageQueryOf } from '#libs/contracts';
import { seeded } from './seed-usage-rows.js';

type Query = Readonly<Record<string, unknown>>;

/** A shape of query; the n-th of its kind differs in organization, time and filters. */
interface Shape {
  readonly name: string;
  readonly read: (context: Parameters<typeof readUsage>[0], query: Query) => Promise<object>;
  readonly query: (n: number, nowSeconds: number) => Query;
}

const groupings: readonly (readonly string[])[] = [
  [],
  ['model'],
  ['project_id'],
  ['api_key_id', 'model'],
  ['project_id', 'api_key_id', 'model', 'batch', 'service_tier'],
];
const filters = (n: number): Query =>
  [
    {},
    { models: [seeded.model(n % 9), seeded.model(1)] },
    { project_ids: [seeded.project(n % 5, n % 4)] },
    { api_key_ids: [seeded.key(n % 5, n % 4, n % 3)] },
  ][Math.floor(n / 5) % 4] ?? {};

const completions = usageKinds.filter(({ id }) => id === 'completions').map((kind) => usage(kind))[0];

function usage(kind: (typeof usageKinds)[number]): Shape['read'] {
  const schema = usageQueryOf(kind);
  return (context, query) => readUsage(context, kind, schema.parse(query));
}

/** From the longest page down: the n-th begins n hours earlier, so that no two read the same. */
function usageShape(width: BucketWidth): Shape {
  const { maxLimit, seconds } = bucketWidths[width];
  return {
    name: `usage/completions ${width} x ${maxLimit}`,
    read: (context, query) => completions?.(context, query) ?? Promise.resolve({}),
    query: (n, nowSeconds) => ({
      bucket_width: width,
      limit: maxLimit,
      start_time: nowSeconds - maxLimit * seconds - n * 3_600 - n * 61,
      group_by: groupings[n % 5],
      ...filters(n),
    }),
  };
}

const shapes: readonly Shape[] = [
  usageShape('1m'),
  usageShape('1h'),
  usageShape('1d'),
  {
    name: 'costs 1d x 180',
    read: (context, query) => readCosts(context, costsQuery.parse(query)),
    query: (n, nowSeconds) => ({
      limit: 180,
      start_time: nowSeconds - (31 + n) * 86_400,
      group_by: [[], ['line_item'], ['project_id'], ['line_item', 'api_key_id'], ['project_id', 'line_item']][n % 5],
    }),
  },
];

/** Times reports as an admin key would read them, row-level security included, and prints percentiles per shape. */
export async function measureReports(
  dataSource: DataSource,
  count: number,
  print: (line: string) => void,
): Promise<void> {
  const times = new Map<string, number[]>();
  const nowMs = Date.now();
  for (let n = 0; n < count; n++) {
    const shape = shapes[n % shapes.length];
    if (!shape) break;
    const round = Math.floor(n / shapes.length);
    const organizationId = seeded.organizations[round % 5] ?? '';
    const query = shape.query(round, Math.floor(nowMs / 1_000));
    const tookMs = await dataSource.transaction(async (manager) => {
      await enter(manager, organizationId);
      const startedAt = performance.now();
      await shape.read({ manager, organizationId, nowMs }, query);
      return performance.now() - startedAt;
    });
    times.set(shape.name, [...(times.get(shape.name) ?? []), tookMs]);
  }
  print(
    `${'report'.padEnd(30)}${['queries', 'p50 ms', 'p95 ms', 'max ms'].map((title) => title.padStart(10)).join('')}`,
  );
  for (const [name, taken] of [...times, ['all', [...times.values()].flat()] as const]) print(line(name, taken));
}

async function enter(manager: EntityManager, organizationId: string): Promise<void> {
  await manager.query(`select set_config('app.organization', $1, true)`, [organizationId]);
  await manager.query('set local role modapi_api');
}

function line(name: string, taken: readonly number[]): string {
  const sorted = taken.toSorted((left, right) => left - right);
  const at = (share: number): string => (sorted[Math.ceil(sorted.length * share) - 1] ?? 0).toFixed(1);
  return name.padEnd(30) + [String(sorted.length), at(0.5), at(0.95), at(1)].map((cell) => cell.padStart(10)).join('');
}
