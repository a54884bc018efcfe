import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { type Caller, GatewayError, keyChangedSubject, organizationRoutes, organizationSubject } from '#libs/contracts';
import { type Bus, CallError, collectReply, createInProcessBus } from '#libs/messaging';
import { createDataSource, type EmbeddedPostgres, migrate, startEmbeddedPostgres } from '#libs/persistence';
import type { Logger } from '#libs/telemetry';
import type { OrganizationHandler } from './handler-group.js';
import { OrganizationDispatcher } from './organization.dispatcher.js';

let dir: string;
let postgres: EmbeddedPostgres;
let database: DataSource;
let bus: Bus;
/** What the route under test does. */
let handler: OrganizationHandler;
const broadcasts: unknown[] = [];
const logged = jest.fn();

const caller: Caller = {
  keyId: 'key_1',
  organizationId: 'org_1',
  projectId: 'proj_1',
  scope: 'admin',
  operator: false,
  billingMode: 'prepaid',
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'modapi-dispatcher-'));
  postgres = await startEmbeddedPostgres(join(dir, 'postgres'), { durable: false });
  await migrate(postgres.url);
  database = await createDataSource(postgres.url, { applicationName: 'spec', poolSize: 2 }).initialize();
  await database.query(`insert into organizations (id, name, billing_mode) values ('org_1', 'One', 'prepaid')`);
  bus = createInProcessBus();
  bus.onBroadcast(keyChangedSubject, (payload) => void broadcasts.push(payload));
  const handlers = Object.fromEntries(
    organizationRoutes.map(({ id }) => [id, (call: Parameters<OrganizationHandler>[0]) => handler(call)]),
  );
  const nowhere = { error: logged } as unknown as Logger;
  const dispatcher = new OrganizationDispatcher([{ handlers }], database, bus, nowhere);
  bus.serve(organizationSubject, 'billing', (call) => {
    dispatcher.dispatch(call).catch((error: unknown) => call.fail(GatewayError.from(error).toJson()));
  });
}, 30_000);

afterAll(async () => {
  await bus?.drain(1_000);
  await database?.destroy();
  await postgres?.stop();
  await rm(dir, { recursive: true, force: true });
});

beforeEach(() => {
  broadcasts.length = 0;
  logged.mockClear();
});

const get = 'billing.retrieve';
const post = 'projects.create';

/** The JSON of the answer, or the error's code. */
async function ask(routeId: string, work: OrganizationHandler, change: object = {}): Promise<unknown> {
  handler = work;
  const body = routeId === post ? { name: 'n' } : {};
  const head = { routeId, requestId: 'r', caller, organizationId: 'org_1', params: {}, query: {}, body, ...change };
  try {
    const call = { subject: organizationSubject, head, body: new Uint8Array(), deadlineMs: 10_000 };
    return JSON.parse((await collectReply(bus, call)).body.toString());
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return error.gateway?.code;
  }
}

const running =
  (sql: string): OrganizationHandler =>
  async ({ manager }) => ({ rows: await manager.query<unknown[]>(sql) });
const insertProject = `insert into projects (id, organization_id, name) values ('proj_' || random(), 'org_1', 'n')`;
const countOf = async (table: string): Promise<number> =>
  (await database.query<[{ count: number }]>(`select count(*)::int as count from ${table}`))[0].count;

describe('a management call', () => {
  it('runs as the role of the API, for one organization, and leaves the connection as it was', async () => {
    const who = `select current_user::text as user, coalesce(current_setting('app.organization', true), '') as organization`;
    for (let n = 0; n < 4; n++) {
      expect(await ask(get, running(who))).toEqual({ rows: [{ user: 'modapi_api', organization: 'org_1' }] });
      expect(await ask(get, running('select broken'))).toBe('internal_error');
    }
    // Both connections of the pool at once.
    const after = () => database.query<object[]>(`${who}, pg_sleep(0.1)::text as slept`);
    for (const [row] of await Promise.all([after(), after()])) {
      expect(row).toMatchObject({ organization: '' });
      expect(row).not.toMatchObject({ user: 'modapi_api' });
    }
  });

  it('commits what it changed together with its audit entries, and only then tells every ingress', async () => {
    let seenBefore: number | undefined;
    const work: OrganizationHandler = async (call) => {
      await call.manager.query(insertProject);
      call.audit({ type: 'first', details: { n: 1 } });
      call.audit({ type: 'second', projectId: 'proj_1', details: { n: 2 } });
      call.forgetKeys({ keyId: 'key_2' });
      seenBefore = broadcasts.length;
      return { done: true };
    };
    expect(await ask(post, work)).toEqual({ done: true });
    expect(seenBefore).toBe(0);
    expect(broadcasts).toEqual([{ keyId: 'key_2' }]);
    expect(
      await database.query(`select type, actor_key_id, project_id, details from audit_logs order by sequence`),
    ).toEqual([
      { type: 'first', actor_key_id: 'key_1', project_id: null, details: { n: 1 } },
      { type: 'second', actor_key_id: 'key_1', project_id: 'proj_1', details: { n: 2 } },
    ]);
  });

  it.each([
    ['a known error', new GatewayError('conflict', 'no'), 'conflict'],
    ['any other error', new TypeError('oops'), 'internal_error'],
  ])('that ends in %s changes nothing', async (_what, error, code) => {
    const [projects, entries] = [await countOf('projects'), await countOf('audit_logs')];
    const work: OrganizationHandler = async (call) => {
      await call.manager.query(insertProject);
      call.audit({ type: 't', details: {} });
      call.forgetKeys({ keyId: 'key_2' });
      throw error;
    };
    expect(await ask(post, work)).toBe(code);
    expect([await countOf('projects'), await countOf('audit_logs')]).toEqual([projects, entries]);
    expect(broadcasts).toEqual([]);
  });

  it('cannot write into the log of another organization', async () => {
    await database.query(`insert into organizations (id, name, billing_mode) values ('org_2', 'Two', 'prepaid')`);
    const entries = await countOf('audit_logs');
    const work: OrganizationHandler = async (call) => {
      call.audit({ organizationId: 'org_2', type: 't', details: {} });
      return {};
    };
    expect(await ask(post, work)).toBe('internal_error');
    expect(await countOf('audit_logs')).toBe(entries);
  });

  it('only reads when it is a GET', async () => {
    expect(await ask(get, running(insertProject))).toBe('internal_error');
    expect(await ask(post, running(insertProject))).toEqual({ rows: [] });
  });

  it('is given up when a statement takes two seconds, and the connection goes back', async () => {
    // Both connections of the pool at once.
    const slow = () => ask(get, running('select pg_sleep(20)'));
    expect(await Promise.all([slow(), slow()])).toEqual(['overloaded', 'overloaded']);
    expect(await ask(get, running('select 1 as one'))).toEqual({ rows: [{ one: 1 }] });
  }, 15_000);

  it('is told to try again when another one holds what it needs', async () => {
    const other = database.createQueryRunner();
    await other.startTransaction();
    await other.query(`select from organizations where id = 'org_1' for update`);
    const rename = `update projects set name = name; ${insertProject}`;
    expect(await ask(post, running(rename))).toBe('overloaded');
    await other.rollbackTransaction();
    await other.release();
    expect(logged).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['no route', { routeId: undefined }, 'bad_request'],
    ['no caller', { caller: undefined }, 'bad_request'],
    ['a route that came after this process', { routeId: 'later.create' }, 'no_worker_available'],
    ['a key that calls models', { caller: { ...caller, scope: 'inference' } }, 'insufficient_scope'],
    ['another organization', { organizationId: 'org_2' }, 'insufficient_scope'],
    ['an unknown parameter', { query: { page: 1 } }, 'unknown_parameter'],
  ])('with %s never reaches a handler', async (_what, change, code) => {
    const work = jest.fn(running('select 1'));
    expect(await ask(get, work, change)).toBe(code);
    expect(work).not.toHaveBeenCalled();
  });

  it('is told that the database is away, and served as soon as it is back', async () => {
    const { port } = postgres;
    await postgres.stop();
    for (let n = 0; n < 3; n++) expect(await ask(get, running('select 1 as one'))).toBe('ledger_unavailable');
    postgres = await startEmbeddedPostgres(join(dir, 'postgres'), { durable: false, port });
    expect(await ask(get, running('select 1 as one'))).toEqual({ rows: [{ one: 1 }] });
  }, 30_000);
});
