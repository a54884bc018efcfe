import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { createDataSource } from './data-source.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js';
import { ApiKey } from './entities/api-key.entity.js';
import { Organization } from './entities/organization.entity.js';
import { Project } from './entities/project.entity.js';
import { UsageRecord } from './entities/usage-record.entity.js';
import { insertRows } from './insert-rows.js';
import { migrate } from './migrate.js';
import { migrations } from './migrations/index.js';

let dir: string;
let postgres: EmbeddedPostgres;
let dataSource: DataSource;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'modapi-persistence-'));
  postgres = await startEmbeddedPostgres(join(dir, 'postgres'), { durable: false });
}, 30_000);

afterAll(async () => {
  await dataSource?.destroy();
  await postgres?.stop();
  await rm(dir, { recursive: true, force: true });
});

function usageRow(attempt: string): Omit<UsageRecord, 'recordedAt' | 'writtenOffNanos' | 'late'> {
  return {
    attemptId: attempt,
    requestId: attempt.split('#')[0] ?? '',
    organizationId: 'org_1',
    projectId: 'proj_1',
    keyId: 'key_1',
    witness: 'worker',
    endpoint: 'chat.completions',
    model: "quote ' and \\ backslash",
    provider: 'p',
    upstreamModel: 'm',
    upstreamRequestId: null,
    upstreamStatus: 200,
    outcome: 'done',
    contentDelivered: true,
    usageSource: 'provider',
    inputTokens: 9_007_199_254_740_993n,
    inputCachedTokens: 0n,
    outputTokens: 1n,
    reasoningTokens: 0n,
    furtherUsage: null,
    measuredUsage: null,
    price: { input: '150000000', output: '600000000' },
    chargeNanos: 9_223_372_036_854_775_807n,
    startedAt: new Date(1_700_000_000_123),
    firstByteAt: null,
    finishedAt: new Date(1_700_000_000_456),
    traceId: null,
  };
}

describe('migrate', () => {
  it('runs once, however many processes start together', async () => {
    const runs = await Promise.all([migrate(postgres.url), migrate(postgres.url), migrate(postgres.url)]);
    expect(runs.flat()).toEqual(migrations.map(({ name }) => name.replace(/^_/, '')));
    expect(await migrate(postgres.url)).toEqual([]);
  });

  it('makes the tables that the entities describe', async () => {
    dataSource = await createDataSource(postgres.url, { applicationName: 'spec' }).initialize();
    for (const { tableName, columns } of dataSource.entityMetadatas) {
      const found = (await dataSource.query(
        // TypeORM knows no xid8: such columns are for SQL alone.
        `select column_name, data_type from information_schema.columns where table_name = $1 and data_type <> 'xid8'`,
        [tableName],
      )) as { column_name: string; data_type: string }[];
      const types = found.map((row) => `${row.column_name} ${row.data_type}`).toSorted();
      const described = columns
        .map((column) => `${column.databaseName} ${column.isArray ? 'ARRAY' : typeName(String(column.type))}`)
        .toSorted();
      expect([tableName, ...types]).toEqual([tableName, ...described]);
    }
  });
});

function typeName(type: string): string {
  return type === 'timestamptz' ? 'timestamp with time zone' : type;
}

describe('insertRows', () => {
  it('keeps every digit of a bigint, quotes, dates and JSON', async () => {
    expect(await insertRows(dataSource.manager, UsageRecord, [usageRow('req_1#1')])).toBe(1);
    const stored = await dataSource.manager.findOneByOrFail(UsageRecord, { attemptId: 'req_1#1' });
    const { recordedAt, ...rest } = stored;
    expect({ ...rest }).toEqual({ ...usageRow('req_1#1'), writtenOffNanos: 0n, late: false });
    expect(recordedAt).toBeInstanceOf(Date);
  });

  it('skips keys that exist, in the table and in the batch, and keeps the first', async () => {
    const rows = ['req_1#1', 'req_2#1', 'req_3#1', 'req_2#1'].map((id) => ({ ...usageRow(id), chargeNanos: 5n }));
    rows[3]!.chargeNanos = 6n;
    expect(await insertRows(dataSource.manager, UsageRecord, rows)).toBe(2);
    const charges = await dataSource.manager.find(UsageRecord, { order: { attemptId: 'asc' } });
    expect(charges.map((row) => [row.attemptId, row.chargeNanos])).toEqual([
      ['req_1#1', 9_223_372_036_854_775_807n],
      ['req_2#1', 5n],
      ['req_3#1', 5n],
    ]);
  });

  it('belongs to the transaction whose manager it gets', async () => {
    const rollback = dataSource.transaction(async (manager) => {
      await insertRows(manager, UsageRecord, [usageRow('req_4#1')]);
      throw new Error('no');
    });
    await expect(rollback).rejects.toThrow('no');
    expect(await dataSource.manager.countBy(UsageRecord, { attemptId: 'req_4#1' })).toBe(0);
  });

  it('returns its connections', async () => {
    const inserts = Array.from({ length: 20 }, (_, n) =>
      insertRows(dataSource.manager, UsageRecord, [usageRow(`r${n}#1`)]),
    );
    expect((await Promise.all(inserts)).reduce((sum, count) => sum + count, 0)).toBe(20);
  });
});

describe('the schema', () => {
  it('refuses a key in a project of another organization', async () => {
    const { manager } = dataSource;
    const organizations = ['org_a', 'org_b'].map((id) => ({ id, name: id, billingMode: 'postpaid' as const }));
    await insertRows(manager, Organization, organizations);
    await insertRows(manager, Project, [{ id: 'proj_a', organizationId: 'org_a', name: 'a' }]);
    const key = { id: 'key_1', digest: 'd', scope: 'inference' as const, name: '', last4: 'abcd', projectId: 'proj_a' };
    await expect(insertRows(manager, ApiKey, [{ ...key, organizationId: 'org_b' }])).rejects.toThrow(/foreign key/);
    expect(await insertRows(manager, ApiKey, [{ ...key, organizationId: 'org_a' }])).toBe(1);
  });

  it('gives up a statement that takes too long', async () => {
    const impatient = await createDataSource(postgres.url, {
      applicationName: 'spec',
      statementTimeoutMs: 100,
    }).initialize();
    try {
      await expect(impatient.query('select pg_sleep(30)')).rejects.toThrow(/statement timeout/);
    } finally {
      await impatient.destroy();
    }
  });
});
