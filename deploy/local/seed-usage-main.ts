import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageRollup } from '#apps/billing';
import { createDataSource, migrate, startEmbeddedPostgres } from '#libs/persistence';
import { seedRows } from './seed-usage-rows.js';
import { measureReports } from './seed-usage-measure.js';

const help = `npm run seed:usage -- [options]

  --rows <number>          usage records to make (default 2000000)
  --database-url <url>     where; a throwaway Postgres of its own when absent
  --queries <number>       reports to time afterwards (default 100)
`;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '2000000' },
    'database-url': { type: 'string' },
    queries: { type: 'string', default: '100' },
    help: { type: 'boolean', default: false },
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const since = (startedAt: number): string => `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`;

if (values.help) print(help);
else if (values['database-url'] === undefined) await inThrowawayDatabase(run);
else await run(values['database-url']);

async function run(databaseUrl: string): Promise<void> {
  await migrate(databaseUrl);
  const dataSource = createDataSource(databaseUrl, { applicationName: 'modapi-seed', statementTimeoutMs: 0 });
  await dataSource.initialize();
  try {
    const seedStart = performance.now();
    await seedRows(dataSource, wholeNumber('--rows', values.rows), print);
    print(`seeded in ${since(seedStart)}`);
    const rollupStart = performance.now();
    const rollup = new UsageRollup(dataSource);
    let steps = 1;
    while (await rollup.step()) if (++steps % 50 === 0) print(`rolled up ${steps} steps`);
    print(`rolled up in ${since(rollupStart)}, ${steps} steps`);
    // As autovacuum does, sooner or later.
    await dataSource.query('vacuum analyze usage_records, usage_rollups, ledger_transactions');
    await measureReports(dataSource, wholeNumber('--queries', values.queries), print);
  } finally {
    await dataSource.destroy();
  }
}

async function inThrowawayDatabase(work: (databaseUrl: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'modapi-seed-'));
  const postgres = await startEmbeddedPostgres(join(folder, 'postgres'), { durable: false });
  try {
    await work(postgres.url);
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new RangeError(`${name} must be a whole number above 0`);
  return Number(text);
}
