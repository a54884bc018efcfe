import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { type Caller, type OrganizationCallHead, organizationSubject } from '#libs/contracts';
import { type Bus, CallError, collectReply, createInProcessBus } from '#libs/messaging';
import { createDataSource, type EmbeddedPostgres, startEmbeddedPostgres } from '#libs/persistence';
import { type RunningApps, startApps } from '#libs/runtime';
import { billingApp } from '../billing.app.js';

type Json = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- answers are looked at field by field
type Asked = Partial<Pick<OrganizationCallHead, 'params' | 'query' | 'body' | 'organizationId'>>;

let dir: string;
let postgres: EmbeddedPostgres;
let bus: Bus;
let apps: RunningApps;
let database: DataSource;

const operator: Caller = {
  keyId: 'key_operator',
  organizationId: 'org_default',
  projectId: 'proj_default',
  scope: 'admin',
  operator: true,
  billingMode: 'postpaid',
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'modapi-credits-'));
  postgres = await startEmbeddedPostgres(join(dir, 'postgres'), { durable: false });
  bus = createInProcessBus();
  const env = { LOG_LEVEL: 'error', DATABASE_URL: postgres.url, MODAPI_KEY_PEPPER: 'p'.repeat(32) };
  apps = await startApps([billingApp], { env, bus: () => bus });
  database = await createDataSource(postgres.url, { applicationName: 'spec' }).initialize();
}, 60_000);

afterAll(async () => {
  await apps?.stop();
  await database?.destroy();
  await postgres?.stop();
  await rm(dir, { recursive: true, force: true });
});

async function newCustomer(name: string): Promise<Caller> {
  const made = await ask(operator, 'organizations.create', { body: { name } });
  const [organizationId, projectId] = [made.id as string, made.default_project_id as string];
  return { ...operator, keyId: made.admin_api_key.id, organizationId, projectId, operator: false };
}

async function ask(caller: Caller, routeId: string, asked: Asked = {}): Promise<Json> {
  const { params = {}, query = {}, body = {}, organizationId = caller.organizationId } = asked;
  const head = { routeId, requestId: 'req_1', caller, organizationId, params, query, body };
  const call = { subject: organizationSubject, head, body: new Uint8Array(), deadlineMs: 10_000 };
  const reply = await collectReply(bus, call).catch((error: unknown) => {
    throw error instanceof CallError && error.gateway ? error.gateway : error;
  });
  return JSON.parse(reply.body.toString()) as Json;
}

describe('the transactions of an organization', () => {
  const credit = (caller: Caller, kind: 'top_up' | 'refund', body: Json) =>
    ask(operator, `billing.${kind}`, { organizationId: caller.organizationId, body });

  it('explain its balance: all that came or went other than by a request, newest first', async () => {
    const ann = await newCustomer('Ann');
    const topUp = await credit(ann, 'top_up', { amount_nano_usd: '900', reference: 'invoice:1' });
    await database.query(
      `insert into ledger_transactions (kind, ref, organization_id, request_id, available_nanos, revenue_nanos)
       values ('capture', 'req_paid', $1, 'req_paid', -300, 300)`,
      [ann.organizationId],
    );
    await database.query(
      `insert into ledger_transactions (kind, ref, organization_id, available_nanos, cash_nanos)
       values ('adjustment', $1 || ':typo', $1, -7, 7)`,
      [ann.organizationId],
    );
    const body = { amount_nano_usd: '100', reference: 'ticket-1', request_id: 'req_paid' };
    const refund = await credit(ann, 'refund', body);
    const shown = { object: 'organization.billing.transaction', created_at: expect.any(Number) };
    const page = await ask(ann, 'billing.transactions.list');
    expect(page.data).toEqual([
      { ...shown, ...body, id: refund.id, kind: 'refund' },
      {
        ...shown,
        id: expect.stringMatching(/^adjustment_\d+$/),
        kind: 'adjustment',
        amount_nano_usd: '-7',
        reference: 'typo',
        request_id: null,
      },
      { ...shown, id: topUp.id, kind: 'top_up', amount_nano_usd: '900', reference: 'invoice:1', request_id: null },
    ]);
  });

  it('come page by page, each once, to whom they belong', async () => {
    const [bob, eve] = [await newCustomer('Bob'), await newCustomer('Eve')];
    for (let n = 0; n < 11; n++) await credit(bob, 'top_up', { amount_nano_usd: '1', reference: `r${n}` });
    for (const order of ['asc', 'desc']) {
      const seen: string[] = [];
      for (let page: Json = { has_more: true }; page.has_more === true;) {
        const query = { limit: '3', order, ...(seen.length > 0 && { after: page.last_id }) };
        page = await ask(bob, 'billing.transactions.list', { query });
        seen.push(...page.data.map((item: Json) => item.reference as string));
      }
      const booked = Array.from({ length: 11 }, (_, n) => `r${n}`);
      expect(seen).toEqual(order === 'asc' ? booked : booked.toReversed());
    }
    const [{ id }] = (await ask(bob, 'billing.transactions.list')).data as [Json];
    const { data: none } = await ask(eve, 'billing.transactions.list');
    expect(none).toEqual([]);
    for (const after of [id as string, 'refund_1', 'top_up_0', 'capture_1', 'proj_1']) {
      const asked = ask(eve, 'billing.transactions.list', { query: { after } });
      await expect(asked).rejects.toMatchObject({ code: 'invalid_value', param: 'after' });
    }
  });

  it('are found by an index, however many charges there are', async () => {
    const rows = await database.transaction(async (manager) => {
      await manager.query('set local enable_seqscan = off');
      return manager.query<Record<string, string>[]>(
        `explain select t.id, t.ref from ledger_transactions t
         where t.organization_id = 'o' and t.kind in ('top_up', 'refund', 'adjustment')
         order by t.created_at desc, t.id desc limit 20`,
      );
    });
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toContain('Index Scan Backward using ledger_transactions_credits');
    expect(plan).not.toContain('Sort');
  });
});

describe('the last active project', () => {
  const archive = (caller: Caller, id: string) => ask(caller, 'projects.archive', { params: { project_id: id } });
  const refused = {
    code: 'invalid_value',
    param: 'project_id',
    message: expect.stringContaining('Make another one first'),
  };

  it('cannot be archived until there is another one', async () => {
    const ann = await newCustomer('Ann');
    await expect(archive(ann, ann.projectId)).rejects.toMatchObject(refused);
    const second = await ask(ann, 'projects.create', { body: { name: 'Second' } });
    expect(await archive(ann, ann.projectId)).toMatchObject({ status: 'archived' });
    expect(await archive(ann, ann.projectId)).toMatchObject({ status: 'archived' });
    await expect(archive(ann, second.id as string)).rejects.toMatchObject(refused);
  });

  it('stays when all are archived at once', async () => {
    const ann = await newCustomer('Ann');
    const ids = [ann.projectId];
    for (let n = 0; n < 4; n++) ids.push((await ask(ann, 'projects.create', { body: { name: 'n' } })).id as string);
    const done = await Promise.allSettled(ids.map((id) => archive(ann, id)));
    expect(done.filter(({ status }) => status === 'rejected')).toEqual([
      { status: 'rejected', reason: expect.objectContaining(refused) },
    ]);
    expect((await ask(ann, 'projects.list')).data).toHaveLength(1);
  });
});

describe('a price override', () => {
  it('of a model that the gateway does not know is refused', async () => {
    const ann = await newCustomer('Ann');
    const set = (model: string) =>
      ask(operator, 'price_overrides.set', {
        organizationId: ann.organizationId,
        body: { model, price: { input: '1', output: '2' } },
      });
    await expect(set('sandbox/chatt')).rejects.toMatchObject({ code: 'model_not_found', param: 'model' });
    expect((await ask(ann, 'price_overrides.list')).data).toEqual([]);
    expect(await set('sandbox/chat')).toMatchObject({ model: 'sandbox/chat' });
  });
});
