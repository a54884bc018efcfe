import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource, EntityManager } from 'typeorm';
import { createDataSource } from '../data-source.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded-postgres.js';
import { migrate } from '../migrate.js';

let dir: string;
let postgres: EmbeddedPostgres;
let dataSource: DataSource;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'modapi-rls-'));
  postgres = await startEmbeddedPostgres(join(dir, 'postgres'), { durable: false });
  await migrate(postgres.url);
  dataSource = await createDataSource(postgres.url, { applicationName: 'spec' }).initialize();
  for (const organization of ['a', 'b']) await fill(organization);
}, 60_000);

afterAll(async () => {
  await dataSource?.destroy();
  await postgres?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** One row of an organization in every table. */
async function fill(name: string): Promise<void> {
  const rows = [
    `insert into organizations (id, name, billing_mode) values ('org_$', '$', 'prepaid')`,
    `insert into projects (id, organization_id, name) values ('proj_$', 'org_$', '$')`,
    `insert into service_accounts (id, organization_id, project_id, name) values ('svc_$', 'org_$', 'proj_$', '$')`,
    `insert into api_keys (id, digest, scope, organization_id, project_id, name, last4)
     values ('key_$', 'd$', 'inference', 'org_$', 'proj_$', '$', 'abcd')`,
    `insert into rate_limits (id, organization_id, project_id) values ('rl_$', 'org_$', 'proj_$')`,
    `insert into price_overrides (organization_id, model, price) values ('org_$', 'm', '{}')`,
    `insert into budgets (id, organization_id, scope, scope_id, period, amount_nanos)
     values ('budget_$', 'org_$', 'project', 'proj_$', 'day', 1)`,
    `insert into budget_windows (budget_id, starts_at) values ('budget_$', 'epoch')`,
    `insert into ledger_transactions (kind, ref, organization_id, available_nanos, cash_nanos)
     values ('top_up', 'org_$:1', 'org_$', 1, -1)`,
    `insert into holds (request_id, organization_id, project_id, key_id, endpoint, model, held_nanos, price_snapshot_id, expires_at)
     values ('req_$', 'org_$', 'proj_$', 'key_$', 'e', 'm', 0, 's', now())`,
    `insert into attempt_intents (attempt_id, request_id, organization_id, provider, upstream_model)
     values ('req_$#2', 'req_$', 'org_$', 'p', 'm')`,
    `insert into idempotency_keys (organization_id, endpoint, key, fingerprint, request_id)
     values ('org_$', 'e', 'k', 'f', 'req_$')`,
    `insert into usage_records (attempt_id, request_id, organization_id, project_id, key_id, witness, endpoint, model,
       provider, upstream_model, outcome, content_delivered, usage_source, input_tokens, input_cached_tokens,
       output_tokens, reasoning_tokens, price, charge_nanos, started_at, finished_at)
     values ('req_$#1', 'req_$', 'org_$', 'proj_$', 'key_$', 'worker', 'e', 'm', 'p', 'm', 'done', true, 'none',
       0, 0, 0, 0, '{}', 0, now(), now())`,
    `insert into usage_rollups values ('org_$', 'day', 'epoch', 'e', 'proj_$', 'key_$', 'm', 1, 1, 1, 0, 0, 0, 1)`,
    `insert into audit_logs (id, organization_id, type, actor_key_id, details) values ('audit_$', 'org_$', 't', 'key_$', '{}')`,
  ];
  for (const row of rows) await dataSource.query(row.replaceAll('$', name));
}

/** As the management API: as the role, for one organization, undone afterwards. */
async function asOrganization<T>(id: string, work: (manager: EntityManager) => Promise<T>): Promise<T> {
  const runner = dataSource.createQueryRunner();
  await runner.startTransaction();
  try {
    await runner.query(`select set_config('app.organization', $1, true), set_config('role', 'modapi_api', true)`, [id]);
    return await work(runner.manager);
  } finally {
    await runner.rollbackTransaction();
    await runner.release();
  }
}

const readable = [
  ['organizations', 'id'],
  ['projects', 'organization_id'],
  ['service_accounts', 'organization_id'],
  ['api_keys', 'organization_id'],
  ['rate_limits', 'organization_id'],
  ['price_overrides', 'organization_id'],
  ['budgets', 'organization_id'],
  ['budget_windows', `replace(budget_id, 'budget_', 'org_')`],
  ['usage_records', 'organization_id'],
  ['usage_rollups', 'organization_id'],
  ['ledger_accounts', 'organization_id'],
  ['ledger_transactions', 'organization_id'],
  ['audit_logs', 'organization_id'],
] as const;

/** Not even its own rows: the API needs none of them. */
const closed = [
  'holds',
  'attempt_intents',
  'idempotency_keys',
  'price_snapshots',
  'dead_letters',
  'migrations',
  'usage_rollup_watermark',
  'usage_rollups_minute',
  'usage_rollups_hour',
  'usage_rollups_day',
  'ledger_entries',
  'audit_log_breaks',
];

describe('the role of the management API', () => {
  it.each(readable)('sees of %s only what its organization owns, without any condition', async (table, owner) => {
    const select = `select distinct ${owner} as owner from ${table}`;
    for (const id of ['org_a', 'org_b']) {
      expect(await asOrganization(id, (manager) => manager.query(select))).toEqual([{ owner: id }]);
    }
    expect(await asOrganization('org_c', (manager) => manager.query(select))).toEqual([]);
    expect(await asOrganization('', (manager) => manager.query(select))).toEqual([]);
    const all = await dataSource.query<unknown[]>(select);
    expect(all).toHaveLength(2);
  });

  it.each(closed)('cannot read %s', async (table) => {
    const read = asOrganization('org_a', (manager) => manager.query(`select 1 from ${table}`));
    await expect(read).rejects.toThrow(/permission denied/);
  });

  it('has been asked about every table and view that there is', async () => {
    const rows = await dataSource.query<{ name: string }[]>(
      `select table_name as name from information_schema.tables where table_schema = current_schema()`,
    );
    const known = new Set<string>([...readable.map(([table]) => table), ...closed]);
    expect(rows.map((row) => row.name).filter((name) => !known.has(name))).toEqual([]);
  });

  it.each([
    ['projects', `name = 'taken'`],
    ['service_accounts', `name = 'taken'`],
    ['api_keys', `name = 'taken'`],
    ['rate_limits', `requests_per_minute = 1`],
    ['budgets', `amount_nanos = 7`],
  ])('changes in %s its own row alone, without any condition', async (table, change) => {
    const [rows] = await asOrganization('org_a', (manager) =>
      manager.query<[{ id: string }[], number]>(`update ${table} set ${change} returning id`),
    );
    expect(rows).toEqual([{ id: expect.stringMatching(/_a$/) }]);
  });

  it.each([
    `insert into projects (id, organization_id, name) values ('proj_x', 'org_b', 'x')`,
    `insert into service_accounts (id, organization_id, project_id, name) values ('svc_x', 'org_b', 'proj_b', 'x')`,
    `insert into api_keys (id, digest, scope, organization_id, project_id, name, last4)
     values ('key_x', 'dx', 'admin', 'org_b', 'proj_b', 'x', 'abcd')`,
    `insert into rate_limits (id, organization_id, project_id, model) values ('rl_x', 'org_b', 'proj_b', 'm')`,
    `insert into budgets (id, organization_id, scope, scope_id, period, amount_nanos)
     values ('budget_x', 'org_b', 'project', 'proj_b', 'month', 1)`,
    `insert into audit_logs (id, organization_id, type, actor_key_id, details) values ('x', 'org_b', 't', 'key_a', '{}')`,
  ])('cannot put a row into another organization: %s', async (insert) => {
    const write = asOrganization('org_a', (manager) => manager.query(insert));
    await expect(write).rejects.toThrow(/row-level security policy/);
    // The same statement works for its owner, so it is the law that refused it.
    await asOrganization('org_b', (manager) => manager.query(insert));
  });

  it('cannot put a key of its own into a project of another organization', async () => {
    const insert = `insert into api_keys (id, digest, scope, organization_id, project_id, name, last4)
      values ('key_x', 'dx', 'admin', 'org_a', 'proj_b', 'x', 'abcd')`;
    await expect(asOrganization('org_a', (manager) => manager.query(insert))).rejects.toThrow(/foreign key/);
  });

  it.each([
    `update api_keys set operator = true`,
    `insert into api_keys (id, digest, scope, organization_id, project_id, name, last4, operator)
     values ('key_x', 'dx', 'admin', 'org_a', 'proj_a', 'x', 'abcd', true)`,
    `update api_keys set organization_id = 'org_a'`,
    `update api_keys set scope = 'admin'`,
    `update api_keys set digest = 'x'`,
    `delete from api_keys`,
    `update organizations set billing_mode = 'postpaid'`,
    `update organizations set disabled_at = null`,
    `insert into organizations (id, name, billing_mode) values ('org_x', 'x', 'postpaid')`,
    `update ledger_accounts set available_nanos = 1`,
    `insert into ledger_transactions (kind, ref, organization_id) values ('top_up', 'x', 'org_a')`,
    `insert into price_overrides (organization_id, model, price) values ('org_a', 'x', '{}')`,
    `update price_overrides set price = '{}'`,
    `delete from price_overrides`,
    `update budget_windows set spent_nanos = 0`,
    `delete from budgets`,
    `update budgets set organization_id = 'org_b'`,
    `delete from usage_records`,
    `update usage_rollups set requests = 0`,
    `select * from ledger_top_up('org_a', 1, 'x')`,
    `select * from ledger_refund('org_a', 1, 'x', 'req_a')`,
    `select * from ledger_set_terms('org_a', 'postpaid')`,
    `insert into audit_logs (id, organization_id, type, actor_key_id, details, hash) values ('x', 'org_a', 't', 'k', '{}', 'h')`,
    `update audit_logs set type = 'x'`,
    `delete from audit_logs`,
    `truncate audit_logs`,
  ])('cannot move money, raise itself or rewrite history: %s', async (statement) => {
    const write = asOrganization('org_a', (manager) => manager.query(statement));
    await expect(write).rejects.toThrow(/permission denied/);
  });

  it('ends with its transaction', async () => {
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query(`select set_config('app.organization', 'org_a', true), set_config('role', 'modapi_api', true)`);
    await runner.commitTransaction();
    const [row] = (await runner.query(
      `select current_user as user, current_setting('app.organization', true) as organization, count(*)::int as seen
       from organizations`,
    )) as [{ user: string; organization: string; seen: number }];
    await runner.release();
    expect(row).toMatchObject({ organization: '', seen: 2 });
    expect(row.user).not.toBe('modapi_api');
  });
});

describe('the audit log', () => {
  const breaks = () => dataSource.query<{ id: string }[]>(`select id from audit_log_breaks order by sequence`);
  const add = (id: string, organization = 'org_a') =>
    dataSource.query(
      `insert into audit_logs (id, organization_id, type, actor_key_id, details) values ($1, $2, 't', 'key_a', $3)`,
      [id, organization, { b: 1, a: ['ä', null] }],
    );

  it('is one unbroken chain per organization, however many write at once', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => add(`many_${n}`, n % 2 ? 'org_a' : 'org_b')));
    expect(await breaks()).toEqual([]);
    const rows = await dataSource.query<{ sequence: string }[]>(
      `select sequence from audit_logs where organization_id = 'org_a' order by sequence`,
    );
    expect(rows.map((row) => Number(row.sequence))).toEqual(rows.map((_, index) => index + 1));
  });

  it('keeps the order of several entries of one statement', async () => {
    await dataSource.query(
      `insert into audit_logs (id, organization_id, type, actor_key_id, details)
       values ('first', 'org_a', 't', 'k', '{}'), ('second', 'org_a', 't', 'k', '{}')`,
    );
    const rows = await dataSource.query<{ id: string }[]>(
      `select id from audit_logs where id in ('first', 'second') order by sequence`,
    );
    expect(rows).toEqual([{ id: 'first' }, { id: 'second' }]);
    expect(await breaks()).toEqual([]);
  });

  it('does not change, even for the owner of the table', async () => {
    for (const statement of [`update audit_logs set type = 'x'`, `delete from audit_logs`, `truncate audit_logs`]) {
      await expect(dataSource.query(statement)).rejects.toThrow(/append-only/);
    }
  });

  it.each([
    ['a changed row', `update audit_logs set details = '{"a": 2}' where id = 'many_3'`, ['many_3']],
    ['a removed row', `delete from audit_logs where id = 'first'`, ['second']],
    ['a changed time', `update audit_logs set created_at = created_at + interval '1 us' where id = 'first'`, ['first']],
    [
      'a row with a new hash of its own',
      `update audit_logs set actor_key_id = 'x' where id = 'first';
       update audit_logs a set hash = audit_log_hash(a) where id = 'first'`,
      ['second'],
    ],
  ])('shows %s, should someone get around that', async (_what, tamper, broken) => {
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query(`alter table audit_logs disable trigger audit_logs_append_only`);
    await runner.query(tamper);
    const found = (await runner.query(`select id from audit_log_breaks order by sequence`)) as { id: string }[];
    await runner.rollbackTransaction();
    await runner.release();
    expect(found.map((row) => row.id)).toEqual(broken);
    expect(await breaks()).toEqual([]);
  });
});

describe('the migration', () => {
  const urlOf = (user: string, database: string): string => {
    const url = new URL(postgres.url);
    url.username = user;
    url.password = 'secret';
    url.pathname = database;
    return url.href;
  };

  it('serves several databases of one server, and owners who are no superusers', async () => {
    await dataSource.query(`create role maker login createrole password 'secret'`);
    for (const database of ['one', 'two']) await dataSource.query(`create database ${database} owner maker`);
    await dataSource.query(`grant modapi_api to maker with admin true, set false`);
    await Promise.all([migrate(urlOf('maker', 'one')), migrate(urlOf('maker', 'two'))]);
    const one = await createDataSource(urlOf('maker', 'one'), { applicationName: 'spec' }).initialize();
    try {
      const [row] = await one.transaction(async (manager) => {
        await manager.query(`set local role modapi_api`);
        return manager.query<{ user: string }[]>(
          `select current_user as user from projects right join (select 1) on true`,
        );
      });
      expect(row).toEqual({ user: 'modapi_api' });
    } finally {
      await one.destroy();
    }
  }, 60_000);

  it('tells an owner who may not grant the role what to run', async () => {
    await dataSource.query(`create role "plain owner" login password 'secret'`);
    await dataSource.query(`create database three owner "plain owner"`);
    await expect(migrate(urlOf('plain owner', 'three'))).rejects.toThrow(
      'as a superuser, run: create role modapi_api; grant modapi_api to "plain owner";',
    );
    await dataSource.query(`grant modapi_api to "plain owner"`);
    expect(await migrate(urlOf('plain owner', 'three'))).toContain('RowLevelSecurity1767312300000');
  }, 60_000);

  it('can be undone and done again', async () => {
    const one = await createDataSource(urlOf('maker', 'one'), { applicationName: 'spec' }).initialize();
    try {
      const later = `select from migrations where timestamp >= 1767312300000`;
      while ((await one.query<unknown[]>(later)).length > 0) await one.undoLastMigration();
      const secured = `select relname from pg_class where relrowsecurity`;
      expect(await one.query(secured)).toEqual([]);
      await one.runMigrations();
      expect(await one.query<unknown[]>(secured)).toHaveLength(16);
    } finally {
      await one.destroy();
    }
  }, 60_000);
});
