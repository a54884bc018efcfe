import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDataSource, type EmbeddedPostgres, migrate, startEmbeddedPostgres } from '#libs/persistence';
import { runLedgerCheck } from './run-ledger-check.js';

let dir: string;
let postgres: EmbeddedPostgres;

/** The data folder of a gateway: its Postgres is in `postgres/`. */
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'modapi-ledger-check-'));
  postgres = await startEmbeddedPostgres(join(dir, 'postgres'), { durable: false });
  await migrate(postgres.url);
}, 30_000);

afterAll(async () => {
  await postgres?.stop();
  await rm(dir, { recursive: true, force: true });
});

async function check(argv: readonly string[], env: Record<string, string> = {}): Promise<[code: number, text: string]> {
  const lines: string[] = [];
  const code = await runLedgerCheck(argv, env, (line) => void lines.push(line));
  return [code, lines.join('\n')];
}

describe('ledger:check', () => {
  it.each([
    ['--data-dir', () => [['--data-dir', dir], {}] as const],
    ['MODAPI_DATA_DIR', () => [[], { MODAPI_DATA_DIR: dir }] as const],
    [
      'DATABASE_URL, whatever the folder is,',
      () => [['--data-dir', '/nowhere'], { DATABASE_URL: postgres.url }] as const,
    ],
  ])('finds the database by %s and the books right', async (_what, given) => {
    const [argv, env] = given();
    const [code, text] = await check(argv, env);
    expect(text).toMatch(/^I1 +ok +the entries of each transaction sum to zero$/m);
    expect(text).toMatch(/The books are right\.$/);
    expect(code).toBe(0);
  });

  it('exits with 1 and shows offenders when the books are wrong', async () => {
    const database = await createDataSource(postgres.url, { applicationName: 'spec' }).initialize();
    try {
      await database.query(`insert into organizations (id, name, billing_mode) values ('org_1', 'o', 'postpaid')`);
      await database.query(`update ledger_accounts set available_nanos = 7`);
    } finally {
      await database.destroy();
    }
    const [code, text] = await check(['--data-dir', dir]);
    expect(text).toMatch(/^I3 +1 violation .*\n +\{"organization_id":"org_1","available_nanos":7,/m);
    expect(text).toMatch(/The books are wrong: I3\.$/);
    expect(code).toBe(1);
  });

  it('says what to do where no gateway runs', async () => {
    const [code, text] = await check(['--data-dir', join(dir, 'elsewhere')]);
    expect(text).toContain(`no gateway runs on ${join(dir, 'elsewhere')}. Start one with npm start`);
    expect(code).toBe(2);
  });

  it('refuses options that it does not know, and never shows a password', async () => {
    expect(await check(['--fast'])).toEqual([2, expect.stringContaining('--fast')]);
    expect(await check(['--overdue', '-1m'])).toEqual([2, expect.stringContaining('--overdue')]);
    const [code, text] = await check([], { DATABASE_URL: 'postgres://postgres:top-secret@127.0.0.1:1/none' });
    expect(code).toBe(2);
    expect(text).toMatch(/^ledger:check: .*ECONNREFUSED/);
    expect(text).not.toContain('top-secret');
  });
});
