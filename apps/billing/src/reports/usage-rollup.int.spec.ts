import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource, EntityManager } from 'typeorm';
import { usageKinds, usageQueryOf } from '#libs/contracts';
import { insertUsage, openUsageDatabase, type UsageDatabase } from './testing/usage-database.js';
import { readUsage } from './usage-report.js';
import { UsageRollup } from './usage-rollup.js';

const midnight = Date.UTC(2026, 0, 5);
const nowMs = midnight + 3 * 86_400_000;
let database: UsageDatabase;
let dataSource: DataSource;
let rollup: UsageRollup;

beforeAll(async () => {
  database = await openUsageDatabase();
  ({ dataSource } = database);
  rollup = new UsageRollup(dataSource);
}, 30_000);

afterAll(() => database?.close());

beforeEach(async () => {
  await dataSource.query('alter table usage_records disable trigger usage_records_append_only');
  await dataSource.query('truncate usage_records, usage_rollups');
  await dataSource.query('alter table usage_records enable trigger usage_records_append_only');
});

const at = (second: number): Date => new Date(midnight + second * 1_000);

interface Totals {
  readonly requests: number;
  readonly tokens: number;
}

/** As the API tells it: two days of org_1, whatever the widths of its buckets. */
async function reported(manager: EntityManager, width = '1d'): Promise<Totals> {
  const [kind] = usageKinds;
  if (!kind) throw new Error('no kind');
  const limit = width === '1m' ? '1440' : '31';
  const query = usageQueryOf(kind).parse({ start_time: String(midnight / 1_000), bucket_width: width, limit });
  const page = await readUsage({ manager, organizationId: 'org_1', nowMs }, kind, query);
  const results = page.data.flatMap((bucket) => bucket.results);
  return {
    requests: results.reduce((sum, result) => sum + result.num_model_requests, 0),
    tokens: results.reduce((sum, result) => sum + Number(result['output_tokens']), 0),
  };
}

async function recorded(manager: EntityManager): Promise<Totals> {
  const rows: Totals[] = await manager.query(
    `select count(*)::int as requests, coalesce(sum(output_tokens), 0)::int as tokens from usage_records`,
  );
  return rows[0] ?? { requests: -1, tokens: -1 };
}

function rolledUp(): Promise<object[]> {
  return dataSource.query(
    `select grain, sum(requests)::int as requests, sum(charged_attempts)::int as charged, sum(charge_nanos)::int as nanos
     from usage_rollups group by grain order by grain`,
  );
}

const allGrains = (requests: number): object[] =>
  ['day', 'hour', 'minute'].map((grain) => ({ grain, requests, charged: requests, nanos: requests * 7 }));

async function rollUp(maxRecords: number): Promise<number | null> {
  const rows: { taken: number | null }[] = await dataSource.query('select roll_up_usage($1) as taken', [maxRecords]);
  return rows[0]?.taken ?? null;
}

describe('roll-up of usage', () => {
  it('waits for an old transaction, and misses none of its records when it commits after younger ones', async () => {
    const old = dataSource.createQueryRunner();
    await old.startTransaction();
    await insertUsage(old, [{ finishedAt: at(10) }, { finishedAt: at(20) }]);
    await insertUsage(dataSource, [{ finishedAt: at(30) }]);
    await rollup.step();
    expect(await rolledUp()).toEqual([]);
    expect(await reported(dataSource.manager)).toEqual({ requests: 1, tokens: 5 });
    await old.commitTransaction();
    await old.release();
    expect(await reported(dataSource.manager)).toEqual({ requests: 3, tokens: 15 });
    await rollup.step();
    expect(await rolledUp()).toEqual(allGrains(3));
    expect(await reported(dataSource.manager)).toEqual({ requests: 3, tokens: 15 });
  });

  it('takes nothing twice, however often it runs', async () => {
    await insertUsage(dataSource, [{ finishedAt: at(10) }, { finishedAt: at(4_000) }]);
    await rollup.step();
    const before: object[] = await dataSource.query('select * from usage_rollups order by grain, starts_at');
    for (let run = 0; run < 5; run++) expect(await rollup.step()).toBe(false);
    expect(await dataSource.query('select * from usage_rollups order by grain, starts_at')).toEqual(before);
    expect(before).toHaveLength(5);
  });

  it('works a backlog off in steps that cut no transaction', async () => {
    const finishedAt = at(10);
    for (const size of [3, 3, 9, 1, 2]) {
      await insertUsage(
        dataSource,
        Array.from({ length: size }, () => ({ finishedAt })),
      );
    }
    const steps: (number | null)[] = [];
    for (let step = 0; step < 6; step++) {
      steps.push(await rollUp(5));
      expect(await reported(dataSource.manager)).toEqual({ requests: 18, tokens: 90 });
    }
    expect(steps).toEqual([3, 3, 9, 3, 0, 0]);
    expect(await rolledUp()).toEqual(allGrains(18));
  });

  it('leaves the work to the process that is at it', async () => {
    await insertUsage(dataSource, [{ finishedAt: at(10) }]);
    const other = dataSource.createQueryRunner();
    await other.startTransaction();
    await other.query('select roll_up_usage(100)');
    expect(await rollUp(100)).toBeNull();
    expect(await reported(dataSource.manager)).toEqual({ requests: 1, tokens: 5 });
    await other.rollbackTransaction();
    await other.release();
    expect(await rolledUp()).toEqual([]);
    expect(await rollUp(100)).toBe(1);
    expect(await rolledUp()).toEqual(allGrains(1));
  });

  it('counts an attempt that delivered or cost something, and no other', async () => {
    const finishedAt = at(10);
    await insertUsage(dataSource, [
      { finishedAt, delivered: true, charge: 0 },
      { finishedAt, delivered: false, charge: 7 },
      { finishedAt, delivered: false, charge: 0, input: 0, output: 0 },
    ]);
    expect(await reported(dataSource.manager)).toEqual({ requests: 2, tokens: 10 });
    await rollup.step();
    expect(await reported(dataSource.manager)).toEqual({ requests: 2, tokens: 10 });
  });

  it('refuses to go on after a restore from a dump, until it is rebuilt', async () => {
    await insertUsage(dataSource, [{ finishedAt: at(10) }, { finishedAt: at(5_000) }]);
    await rollup.step();
    await dataSource.query(`update usage_rollup_watermark set next_xid = '9000000000'`);
    await expect(rollup.step()).rejects.toThrow('restore');
    await expect(reported(dataSource.manager)).rejects.toThrow('restore');
    await dataSource.query('select rebuild_usage_rollups()');
    expect(await rolledUp()).toEqual(allGrains(2));
    await insertUsage(dataSource, [{ finishedAt: at(20) }]);
    expect(await reported(dataSource.manager)).toEqual({ requests: 3, tokens: 15 });
    await rollup.step();
    expect(await rolledUp()).toEqual(allGrains(3));
  });
});

describe('reports while usage is written', () => {
  it('are exact in every snapshot, with writers that commit out of order and two roll-ups at once', async () => {
    const writers = Array.from({ length: 5 }, (_, index) => write(index));
    let writing = true;
    const ended = Promise.all(writers).finally(() => (writing = false));
    const rollers = [0, 1].map(async () => {
      while (writing) {
        await rollUp(20);
        await sleep(1);
      }
    });
    let checks = 0;
    while (writing) {
      await dataSource.transaction('REPEATABLE READ', async (manager) => {
        const truth = await recorded(manager);
        for (const width of ['1d', '1m']) expect(await reported(manager, width)).toEqual(truth);
      });
      checks++;
    }
    await Promise.all([ended, ...rollers]);
    expect(checks).toBeGreaterThan(5);
    while ((await rollUp(1_000)) !== 0);
    const { requests } = await recorded(dataSource.manager);
    expect(await rolledUp()).toEqual(allGrains(requests));
  }, 30_000);

  /** Transactions of all lengths; every fifth is rolled back. */
  async function write(writer: number): Promise<void> {
    for (let round = 0; round < 40; round++) {
      const runner = dataSource.createQueryRunner();
      await runner.startTransaction();
      const second = (writer * 7_919 + round * 104_729) % 86_000;
      await insertUsage(runner, [{ finishedAt: at(second), output: 1 + round }, { finishedAt: at(second + 61) }]);
      await sleep((round * 13 + writer * 29) % 37);
      await (round % 5 === 4 ? runner.rollbackTransaction() : runner.commitTransaction());
      await runner.release();
    }
  }
});
