import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { UsageRollup } from '#apps/billing';
import { createDataSource, type EmbeddedPostgres, migrate, startEmbeddedPostgres } from '#libs/persistence';
import { measureReports } from './seed-usage-measure.js';
import { seedRows } from './seed-usage-rows.js';

let folder: string;
let postgres: EmbeddedPostgres;
let dataSource: DataSource;
const lines: string[] = [];
const print = (line: string): void => void lines.push(line);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'modapi-seed-spec-'));
  postgres = await startEmbeddedPostgres(join(folder, 'postgres'), { durable: false });
  await migrate(postgres.url);
  dataSource = await createDataSource(postgres.url, { applicationName: 'spec' }).initialize();
}, 30_000);

afterAll(async () => {
  await dataSource?.destroy();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

it('seeds usage whose charges, captures and balances agree, and times reports over it', async () => {
  await seedRows(dataSource, 12_000, print);
  while (await new UsageRollup(dataSource).step());
  await measureReports(dataSource, 20, print);
  const [sums] = await dataSource.query<Record<string, string>[]>(`
    select (select count(*) from usage_records) as records,
      (select sum(charge_nanos) from usage_records) as charged,
      (select sum(charge_nanos) from usage_rollups where grain = 'day') as rolled_up,
      (select sum(revenue_nanos) from ledger_transactions where kind = 'capture') as captured,
      (select sum(available_nanos) from ledger_transactions) as entries,
      (select sum(available_nanos) from ledger_accounts) as balances`);
  expect(sums).toMatchObject({ records: '12000', captured: sums?.['charged'], balances: sums?.['entries'] });
  expect(sums?.['rolled_up']).toBe(sums?.['charged']);
  expect(lines.at(-1)).toMatch(/^all +20 /);
}, 30_000);

it('leaves a seeded database alone', async () => {
  await seedRows(dataSource, 12_000, print);
  expect(lines.at(-1)).toContain('nothing is added');
});
