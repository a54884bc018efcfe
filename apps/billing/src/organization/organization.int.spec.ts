import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import {
  type Caller,
  generateApiKey,
  keyChangedSubject,
  type OrganizationCallHead,
  organizationRoutes,
  organizationSubject,
  parseApiKey,
} from '#libs/contracts';
import { type Bus, CallError, collectReply, createInProcessBus } from '#libs/messaging';
import { createDataSource, type EmbeddedPostgres, startEmbeddedPostgres } from '#libs/persistence';
import { type RunningApps, startApps } from '#libs/runtime';
import { billingApp } from '../billing.app.js';

type Json = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- answers are looked at field by field

let dir: string;
let postgres: EmbeddedPostgres;
let bus: Bus;
let apps: RunningApps;
let database: DataSource;
/** What every ingress was told to forget. */
const forgotten: unknown[] = [];

const adminKey = generateApiKey('admin');
const operator: Caller = {
  keyId: parseApiKey(adminKey)!.id,
  organizationId: 'org_default',
  projectId: 'proj_default',
  scope: 'admin',
  operator: true,
  billingMode: 'postpaid',
};
/** Admins of two customers. */
let ann: Caller;
let bob: Caller;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'modapi-organization-'));
  postgres = await startEmbeddedPostgres(join(dir, 'postgres'), { durable: false });
  bus = createInProcessBus();
  bus.onBroadcast(keyChangedSubject, (payload) => void forgotten.push(payload));
  const env = {
    LOG_LEVEL: 'error',
    DATABASE_URL: postgres.url,
    MODAPI_KEY_PEPPER: 'a-pepper-of-at-least-thirty-two-characters',
    MODAPI_BOOTSTRAP_ADMIN_KEY: adminKey,
  };
  apps = await startApps([billingApp], { env, bus: () => bus });
  database = await createDataSource(postgres.url, { applicationName: 'spec' }).initialize();
  [ann, bob] = [await newCustomer('Ann'), await newCustomer('Bob')];
}, 60_000);

afterAll(async () => {
  await apps?.stop();
  await database?.destroy();
  await postgres?.stop();
  await rm(dir, { recursive: true, force: true });
});

async function newCustomer(name: string): Promise<Caller> {
  const made = await ask(operator, 'organizations.create', { body: { name } });
  return {
    keyId: made.admin_api_key.id,
    organizationId: made.id,
    projectId: made.default_project_id,
    scope: 'admin',
    operator: false,
    billingMode: 'prepaid',
  };
}

type Asked = Partial<Pick<OrganizationCallHead, 'params' | 'query' | 'body' | 'organizationId'>>;

async function ask(caller: Caller, routeId: string, asked: Asked = {}): Promise<Json> {
  const { params = {}, query = {}, body = {}, organizationId = caller.organizationId } = asked;
  const head = { routeId, requestId: 'req_1', caller, organizationId, params, query, body };
  const call = { subject: organizationSubject, head, body: new Uint8Array(), deadlineMs: 10_000 };
  const reply = await collectReply(bus, call);
  expect(reply.head).toEqual({ status: 200, headers: { 'content-type': 'application/json' } });
  return JSON.parse(reply.body.toString()) as Json;
}

/** `404 not_found scope_id`, or the answer's object if it was a good one. */
async function problemOf(caller: Caller, routeId: string, asked: Asked = {}): Promise<unknown> {
  try {
    return (await ask(caller, routeId, asked)).object;
  } catch (error) {
    if (!(error instanceof CallError) || !error.gateway) throw error;
    return error.gateway;
  }
}

const now: unknown = expect.any(Number);
const inAnn = (asked: Asked = {}): Asked => ({ ...asked, organizationId: ann.organizationId });

describe('projects', () => {
  it('are made, listed, renamed and archived as at OpenAI', async () => {
    const made = await ask(ann, 'projects.create', { body: { name: 'Büro ☂' } });
    const id = made.id as string;
    const project = { id, object: 'organization.project', name: 'Büro ☂', created_at: now, archived_at: null };
    expect(made).toEqual({ ...project, status: 'active' });
    expect(made.created_at).toBeGreaterThan(Date.now() / 1_000 - 60);
    const params = { project_id: id };
    expect(await ask(ann, 'projects.retrieve', { params })).toEqual(made);
    const renamed = { ...made, name: 'Attic' };
    expect(await ask(ann, 'projects.update', { params, body: { name: 'Attic' } })).toEqual(renamed);
    forgotten.length = 0;
    const archived = await ask(ann, 'projects.archive', { params });
    expect(archived).toEqual({ ...renamed, archived_at: now, status: 'archived' });
    expect(forgotten).toEqual([{ organizationId: ann.organizationId }]);
    expect(await ask(ann, 'projects.archive', { params })).toEqual(archived);
    expect(forgotten).toHaveLength(1);
    expect(await problemOf(ann, 'projects.update', { params, body: { name: 'x' } })).toMatchObject({
      code: 'bad_request',
    });
    const names = async (query: Json): Promise<unknown> =>
      (await ask(ann, 'projects.list', { query })).data.map((item: Json) => item.name);
    expect(await names({})).toEqual(['Default']);
    expect(await names({ include_archived: 'true' })).toEqual(['Attic', 'Default']);
  });

  it('come page by page, each once, whatever is made meanwhile', async () => {
    const carol = await newCustomer('Carol');
    for (let n = 0; n < 6; n++) await ask(carol, 'projects.create', { body: { name: `p${n}` } });
    // The same instant for several: the id decides.
    await database.query(`update projects set created_at = now() where organization_id = $1 and name > 'p2'`, [
      carol.organizationId,
    ]);
    for (const order of ['asc', 'desc']) {
      const seen: string[] = [];
      let page: Json = { has_more: true };
      while (page.has_more === true) {
        const query = { limit: '2', order, ...(seen.length > 0 && { after: page.last_id }) };
        page = await ask(carol, 'projects.list', { query });
        expect(page).toMatchObject({ object: 'list', first_id: page.data[0].id, last_id: page.data.at(-1).id });
        seen.push(...page.data.map((item: Json) => item.id as string));
        if (seen.length === 2 && order === 'desc') await ask(carol, 'projects.create', { body: { name: 'late' } });
      }
      expect(new Set(seen).size).toBe(7);
      expect(seen).toHaveLength(7);
    }
    const empty = { object: 'list', data: [], first_id: null, last_id: null, has_more: false };
    expect(await ask(carol, 'budgets.list')).toEqual(empty);
  });

  it('have no cursor in another organization', async () => {
    for (const after of [bob.projectId, 'proj_none']) {
      expect(await problemOf(ann, 'projects.list', { query: { after } })).toMatchObject({
        code: 'invalid_value',
        param: 'after',
      });
    }
  });
});

describe('billing', () => {
  const topUp = (amount: string, reference: string, organizationId = ann.organizationId) =>
    ({ organizationId, body: { amount_nano_usd: amount, reference } }) as const;
  const billing = { object: 'organization.billing', mode: 'prepaid', held_nano_usd: '0' };

  it('begins prepaid and empty, and grows by what the operator books', async () => {
    expect(await ask(ann, 'billing.retrieve')).toEqual({
      ...billing,
      available_nano_usd: '0',
      overdraft_nano_usd: '0',
    });
    forgotten.length = 0;
    const first = await ask(operator, 'billing.top_up', topUp('900000000000000001', 'invoice-1'));
    expect(first).toEqual({
      object: 'organization.billing.top_up',
      id: expect.stringMatching(/^top_up_\d+$/),
      amount_nano_usd: '900000000000000001',
      reference: 'invoice-1',
      created_at: now,
      available_nano_usd: '900000000000000001',
    });
    expect(await ask(operator, 'billing.top_up', topUp('900000000000000001', 'invoice-1'))).toEqual(first);
    expect((await ask(ann, 'billing.retrieve')).available_nano_usd).toBe('900000000000000001');
    expect(await problemOf(operator, 'billing.top_up', topUp('5', 'invoice-1'))).toMatchObject({
      code: 'conflict',
      param: 'reference',
      message: expect.stringContaining(first.id as string),
    });
    // The same words mean another payment to another customer.
    const other = await ask(operator, 'billing.top_up', topUp('7', 'invoice-1', bob.organizationId));
    expect(other.available_nano_usd).toBe('7');
  });

  it('books a reference once, however many send it at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ask(operator, 'billing.top_up', topUp('10', 'many', bob.organizationId))),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect((await ask(bob, 'billing.retrieve')).available_nano_usd).toBe('17');
    const audited = await ask(bob, 'audit_logs.list', { query: { 'event_types[]': 'billing.top_up' } });
    expect(audited.data).toHaveLength(2);
  });

  it('does not count beyond 63 bits', async () => {
    const rich = await newCustomer('Rich');
    const sum = (n: number) => ask(operator, 'billing.top_up', topUp('9'.repeat(18), `n${n}`, rich.organizationId));
    for (let n = 0; n < 9; n++) await sum(n);
    const problem = await problemOf(operator, 'billing.top_up', topUp('9'.repeat(18), 'n9', rich.organizationId));
    expect(problem).toMatchObject({ code: 'invalid_value', param: 'amount_nano_usd' });
    expect((await ask(rich, 'billing.retrieve')).available_nano_usd).toBe('8999999999999999991');
  });

  it('gives money back once per reference, and never for a request that was not charged', async () => {
    const refund = (body: Json) => ({ organizationId: bob.organizationId, body });
    const body = { amount_nano_usd: '3', reference: 'ticket-1', request_id: 'req_charged' };
    const uncharged = { code: 'not_found', param: 'request_id', message: expect.stringContaining('is a top-up') };
    expect(await problemOf(operator, 'billing.refund', refund(body))).toMatchObject(uncharged);
    await database.query(
      `insert into ledger_transactions (kind, ref, organization_id, available_nanos, revenue_nanos)
       values ('capture', 'req_charged', $1, -3, 3)`,
      [bob.organizationId],
    );
    const first = await ask(operator, 'billing.refund', refund(body));
    expect(first).toMatchObject({
      object: 'organization.billing.refund',
      reference: 'ticket-1',
      request_id: 'req_charged',
      available_nano_usd: '20',
    });
    expect(await ask(operator, 'billing.refund', refund(body))).toEqual(first);
    expect(await problemOf(operator, 'billing.refund', refund({ ...body, amount_nano_usd: '4' }))).toMatchObject({
      code: 'conflict',
    });
    expect(await problemOf(operator, 'billing.refund', refund({ ...body, reference: 't2' }))).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('is a top-up'),
    });
  });

  it('changes its terms, and tells every ingress', async () => {
    const change = (body: Json) => ask(operator, 'billing.update', { organizationId: bob.organizationId, body });
    forgotten.length = 0;
    expect(await change({ overdraft_nano_usd: '500' })).toMatchObject({ mode: 'prepaid', overdraft_nano_usd: '500' });
    expect(forgotten).toEqual([{ organizationId: bob.organizationId }]);
    expect(await change({ mode: 'prepaid' })).toMatchObject({ overdraft_nano_usd: '500' });
    expect(await change({ mode: 'postpaid' })).toMatchObject({ mode: 'postpaid', overdraft_nano_usd: null });
    await expect(change({ overdraft_nano_usd: '1' })).rejects.toMatchObject({
      gateway: { code: 'invalid_value', param: 'overdraft_nano_usd' },
    });
    await database.query(`update ledger_accounts set available_nanos = -100 where organization_id = $1`, [
      bob.organizationId,
    ]);
    await expect(change({ mode: 'prepaid' })).rejects.toMatchObject({
      gateway: { code: 'conflict', message: expect.stringContaining('100 nano-dollars') },
    });
    await database.query(`update ledger_accounts set available_nanos = 20 where organization_id = $1`, [
      bob.organizationId,
    ]);
    expect(await change({ mode: 'prepaid' })).toMatchObject({ mode: 'prepaid', overdraft_nano_usd: '0' });
  });
});

describe('budgets', () => {
  it('are made for an organization, a project or a key, and show their window', async () => {
    const made: Json[] = [];
    for (const [scope, scopeId] of [
      ['organization', undefined],
      ['project', ann.projectId],
      ['api_key', ann.keyId],
    ]) {
      forgotten.length = 0;
      const given = { scope, ...(scopeId !== undefined && { scope_id: scopeId }) };
      made.push(
        await ask(ann, 'budgets.create', { body: { ...given, period: 'day', amount_nano_usd: '123456789012345678' } }),
      );
      expect(made.at(-1)).toEqual({
        id: expect.stringMatching(/^budget_/),
        object: 'organization.budget',
        scope,
        scope_id: scopeId ?? ann.organizationId,
        period: 'day',
        amount_nano_usd: '123456789012345678',
        held_nano_usd: '0',
        spent_nano_usd: '0',
        created_at: now,
      });
      expect(forgotten).toEqual([{ organizationId: ann.organizationId }]);
    }
    const [first] = made as [Json];
    await database.query(
      `insert into budget_windows (budget_id, starts_at, held_nanos, spent_nanos)
       values ($1, budget_window_start('day'), 5, 6), ($1, budget_window_start('day') - interval '1 day', 7, 8)`,
      [first.id],
    );
    const params = { budget_id: first.id as string };
    const used = { ...first, held_nano_usd: '5', spent_nano_usd: '6' };
    expect(await ask(ann, 'budgets.retrieve', { params })).toEqual(used);
    expect(await ask(ann, 'budgets.update', { params, body: { amount_nano_usd: '0' } })).toEqual({
      ...used,
      amount_nano_usd: '0',
    });
    const page = await ask(ann, 'budgets.list', { query: { order: 'asc' } });
    expect(page.data.map((budget: Json) => budget.id)).toEqual(made.map((budget) => budget.id));
    forgotten.length = 0;
    const deleted = { id: first.id, object: 'organization.budget.deleted', deleted: true };
    expect(await ask(ann, 'budgets.delete', { params })).toEqual(deleted);
    expect(forgotten).toHaveLength(1);
    expect((await ask(ann, 'budgets.list')).data).toHaveLength(2);
    // A cursor may be gone from the list that it came from.
    expect((await ask(ann, 'budgets.list', { query: { order: 'asc', after: first.id } })).data).toHaveLength(2);
  });

  it('are one for each scope and period', async () => {
    const body = { scope: 'project', scope_id: ann.projectId, period: 'month', amount_nano_usd: '5' };
    const made = await ask(ann, 'budgets.create', { body });
    const again = { code: 'conflict', param: 'period', message: expect.stringContaining(made.id as string) };
    expect(await problemOf(ann, 'budgets.create', { body })).toMatchObject(again);
    await ask(ann, 'budgets.delete', { params: { budget_id: made.id } });
    expect(await problemOf(ann, 'budgets.create', { body })).toBe('organization.budget');
  });

  it('cover nothing of another organization', async () => {
    for (const [scope, scopeId] of [
      ['organization', bob.organizationId],
      ['project', bob.projectId],
      ['api_key', bob.keyId],
      ['api_key', ann.projectId],
    ]) {
      const body = { scope, scope_id: scopeId, period: 'total', amount_nano_usd: '1' };
      expect(await problemOf(ann, 'budgets.create', { body })).toMatchObject({ code: 'not_found', param: 'scope_id' });
    }
  });
});

describe('price overrides', () => {
  it('are set by the operator, one per model, and read by the admin', async () => {
    const body = { model: 'sandbox/chat', price: { input: '1000000000', output: '2000000000' } };
    forgotten.length = 0;
    const made = await ask(operator, 'price_overrides.set', inAnn({ body }));
    expect(made).toEqual({
      id: expect.stringMatching(/^price_[0-9a-f]{32}$/),
      object: 'organization.price_override',
      ...body,
      created_at: now,
    });
    expect(forgotten).toEqual([{ organizationId: ann.organizationId }]);
    const cheaper = { ...body, price: { input: '1', output: '2', input_cached: '0', reasoning: '3' } };
    expect(await ask(operator, 'price_overrides.set', inAnn({ body: cheaper }))).toEqual({ ...made, ...cheaper });
    expect(await ask(ann, 'price_overrides.list')).toMatchObject({ data: [{ id: made.id }], has_more: false });
    expect(await ask(bob, 'price_overrides.list')).toMatchObject({ data: [] });
    const partial = inAnn({ body: { ...body, price: { input: '1', seconds: '1' } } });
    expect(await problemOf(operator, 'price_overrides.set', partial)).toMatchObject({
      code: 'missing_required_parameter',
      param: 'price.output',
    });
    const params = { price_override_id: made.id as string };
    expect(
      await problemOf(operator, 'price_overrides.delete', { params, organizationId: bob.organizationId }),
    ).toMatchObject({ code: 'not_found' });
    expect(await ask(operator, 'price_overrides.delete', inAnn({ params }))).toMatchObject({ deleted: true });
    expect(await ask(ann, 'price_overrides.list')).toMatchObject({ data: [] });
  });
});

describe('organizations', () => {
  it('are made with a project and an admin key that is no operator', async () => {
    const made = await ask(operator, 'organizations.create', { body: { name: 'Dora', mode: 'postpaid' } });
    const { admin_api_key: key, default_project_id: projectId, ...organization } = made;
    expect(organization).toEqual({
      id: expect.stringMatching(/^org_[0-9a-f]{24}$/),
      object: 'organization',
      name: 'Dora',
      mode: 'postpaid',
      created_at: now,
      disabled_at: null,
    });
    expect(parseApiKey(key.value as string)).toEqual({ id: key.id, scope: 'admin' });
    const [row] = await database.query(`select * from api_keys where id = $1`, [key.id]);
    expect(row).toMatchObject({ operator: false, organization_id: made.id, project_id: projectId });
    expect(JSON.stringify(await database.query(`select * from api_keys, audit_logs`))).not.toContain(key.value);
    const params = { organization_id: made.id as string };
    expect(await ask(operator, 'organizations.retrieve', { params })).toEqual(organization);
    const page = await ask(operator, 'organizations.list', { query: { limit: 1 } });
    expect(page).toMatchObject({ data: [{ id: made.id }], has_more: true });
  });

  it('are renamed, disabled and enabled', async () => {
    const params = { organization_id: (await newCustomer('Eve')).organizationId };
    const change = (body: Json) => ask(operator, 'organizations.update', { params, body });
    expect(await change({ name: 'Eva' })).toMatchObject({ name: 'Eva', disabled_at: null });
    forgotten.length = 0;
    const disabled = await change({ disabled: true });
    expect(disabled).toMatchObject({ name: 'Eva', disabled_at: now });
    expect(await change({ disabled: true })).toEqual(disabled);
    expect(await change({ disabled: false })).toMatchObject({ disabled_at: null });
    expect(forgotten).toEqual(Array.from({ length: 3 }, () => ({ organizationId: params.organization_id })));
    const own = { params: { organization_id: 'org_default' }, body: { disabled: true } };
    expect(await problemOf(operator, 'organizations.update', own)).toMatchObject({ code: 'invalid_value' });
    const none = { params: { organization_id: 'org_none' } };
    expect(await problemOf(operator, 'organizations.retrieve', none)).toMatchObject({ code: 'not_found' });
  });
});

describe('the audit log', () => {
  it('says who did what, newest first, in the shape of OpenAI', async () => {
    const fred = await newCustomer('Fred');
    const { id } = await ask(fred, 'projects.create', { body: { name: 'P' } });
    const page = await ask(fred, 'audit_logs.list');
    expect(page.data.map((entry: Json) => entry.type)).toEqual([
      'project.created',
      'api_key.created',
      'project.created',
      'organization.created',
    ]);
    expect(page.data[0]).toEqual({
      id: expect.stringMatching(/^audit_log_/),
      type: 'project.created',
      effective_at: now,
      actor: { type: 'api_key', api_key: { id: fred.keyId, type: 'user' } },
      project: { id, name: 'P' },
      'project.created': { id, data: { name: 'P' } },
    });
    expect(page.data[3].actor.api_key.id).toBe(operator.keyId);
  });

  it('is paged both ways and filtered', async () => {
    const gus = await newCustomer('Gus');
    for (let n = 0; n < 5; n++) await ask(gus, 'projects.create', { body: { name: `p${n}` } });
    const list = async (query: Json) => ask(gus, 'audit_logs.list', { query });
    const ids = (page: Json): string[] => page.data.map((entry: Json) => entry.id);
    const all = ids(await list({}));
    expect(all).toHaveLength(8);
    const first = await list({ limit: '3' });
    const second = await list({ limit: '3', after: first.last_id });
    const back = await list({ limit: '3', before: second.first_id });
    expect([...ids(first), ...ids(second)]).toEqual(all.slice(0, 6));
    expect(back).toEqual({ ...first, has_more: false });
    expect((await list({ 'event_types[]': ['api_key.created', 'organization.created'] })).data).toHaveLength(2);
    expect((await list({ 'project_ids[]': gus.projectId })).data).toHaveLength(1);
    expect((await list({ 'actor_ids[]': gus.keyId })).data).toHaveLength(5);
    const at = first.data[0].effective_at as number;
    expect((await list({ 'effective_at[lte]': at, 'effective_at[gt]': at - 60 })).data).toHaveLength(8);
    expect((await list({ 'effective_at[gt]': at })).data).toHaveLength(0);
    expect((await list({ 'effective_at[gte]': at })).data.length).toBeGreaterThan(0);
    expect((await list({ 'effective_at[lt]': at - 60 })).data).toHaveLength(0);
    const [foreign] = ids(await ask(ann, 'audit_logs.list'));
    for (const param of ['after', 'before']) {
      const query = { [param]: foreign };
      expect(await problemOf(gus, 'audit_logs.list', { query })).toMatchObject({ code: 'invalid_value', param });
    }
  });

  it('has no entry of what failed', async () => {
    const before = await database.query(`select count(*) from audit_logs`);
    const body = { scope: 'project', scope_id: bob.projectId, period: 'total', amount_nano_usd: '1' };
    await problemOf(ann, 'budgets.create', { body });
    expect(await database.query(`select count(*) from audit_logs`)).toEqual(before);
  });

  it('is an unbroken chain', async () => {
    expect(await database.query(`select * from audit_log_breaks`)).toEqual([]);
  });
});

describe('who may ask', () => {
  it.each(organizationRoutes.filter((route) => route.access === 'operator').map((route) => route.id))(
    'for %s: the operator alone',
    async (routeId) => {
      expect(await problemOf(ann, routeId)).toMatchObject({ code: 'insufficient_scope' });
    },
  );

  it('for the management of an organization: its own admin keys and the operator', async () => {
    const inference: Caller = { ...ann, scope: 'inference' };
    expect(await problemOf(inference, 'projects.list')).toMatchObject({ code: 'insufficient_scope' });
    expect(await problemOf({ ...inference, operator: true }, 'projects.list')).toMatchObject({
      code: 'insufficient_scope',
    });
    expect(await problemOf(bob, 'projects.list', inAnn())).toMatchObject({ code: 'insufficient_scope' });
    expect(await problemOf(operator, 'projects.list', inAnn())).toBe('list');
    const none = { organizationId: 'org_none' };
    for (const routeId of ['projects.list', 'billing.retrieve', 'billing.top_up']) {
      const body = routeId === 'billing.top_up' ? { amount_nano_usd: '1', reference: 'r' } : {};
      expect(await problemOf(operator, routeId, { ...none, body })).toMatchObject({
        code: 'not_found',
        param: 'OpenAI-Organization',
      });
    }
  });

  // bad-inputs 86
  it('learns nothing of what belongs to another organization', async () => {
    const budget = { scope: 'organization', period: 'total', amount_nano_usd: '1' };
    const { id: budgetId } = await ask(bob, 'budgets.create', { body: budget });
    for (const [routeId, name, foreign, body] of [
      ['projects.retrieve', 'project_id', bob.projectId, {}],
      ['projects.update', 'project_id', bob.projectId, { name: 'taken' }],
      ['projects.archive', 'project_id', bob.projectId, {}],
      ['budgets.retrieve', 'budget_id', budgetId, {}],
      ['budgets.update', 'budget_id', budgetId, { amount_nano_usd: '7' }],
      ['budgets.delete', 'budget_id', budgetId, {}],
    ] as const) {
      const found = await problemOf(ann, routeId, { params: { [name]: foreign as string }, body });
      expect(found).toMatchObject({ code: 'not_found' });
      expect(await problemOf(ann, routeId, { params: { [name]: 'never_was' }, body })).toEqual(found);
    }
    expect((await ask(bob, 'projects.retrieve', { params: { project_id: bob.projectId } })).name).toBe('Default');
  });
});

describe('every list and report', () => {
  it.each(organizationRoutes.filter((route) => route.method === 'GET').map((route) => [route.id, route] as const))(
    'answers under row-level security: %s',
    async (routeId, route) => {
      const names = [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1]!);
      const known: Json = { project_id: ann.projectId, organization_id: ann.organizationId, key_id: ann.keyId };
      const params = Object.fromEntries(names.map((name) => [name, (known[name] ?? 'never_was') as string]));
      const query = /usage|costs/.test(routeId) ? { start_time: '1767225600' } : {};
      const asker = route.access === 'operator' ? operator : ann;
      const isThere = names.every((name) => name in known);
      const answer = await problemOf(asker, routeId, { params, query });
      expect(answer).toEqual(isThere ? expect.any(String) : expect.objectContaining({ code: 'not_found' }));
    },
  );
});

describe('an admin who is no operator', () => {
  /** Mulberry32: the same calls in every run. */
  function randomOf(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
    };
  }

  const rights = async () =>
    JSON.stringify([
      await database.query(`select * from organizations order by id`),
      await database.query(`select * from ledger_accounts order by organization_id`),
      await database.query(`select * from ledger_transactions order by id`),
      await database.query(`select * from price_overrides order by 1, 2`),
      await database.query(`select id from api_keys where operator order by id`),
      await database.query(`select * from projects where organization_id <> $1 order by id`, [ann.organizationId]),
      await database.query(`select * from api_keys where organization_id <> $1 order by id`, [ann.organizationId]),
      await database.query(`select * from budgets where organization_id <> $1 order by id`, [ann.organizationId]),
    ]);

  it('never changes money, prices, other organizations or who is operator, by whatever calls', async () => {
    const before = await rights();
    const random = randomOf(20_260_101);
    const pick = <Item>(items: readonly Item[]): Item => items[random(items.length)]!;
    const ids = [ann.projectId, bob.projectId, ann.organizationId, ann.keyId, bob.keyId, operator.keyId, 'org_default'];
    const values = {
      name: 'n',
      scope: 'organization',
      period: 'day',
      amount_nano_usd: '9',
      reference: 'r',
      mode: 'postpaid',
    };
    const hostile = { operator: true, role: 'owner', balance: '1', organization_id: 'org_default', billing_mode: 'x' };
    const outcomes = new Map<string, number>();
    for (let n = 0; n < 600; n++) {
      const route = pick(organizationRoutes);
      const names = [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1]!);
      const body: Json = {};
      const needed = { ...values, scope_id: pick(ids), disabled: false, overdraft_nano_usd: '5', model: 'm' };
      for (const [name, value] of Object.entries(needed)) {
        const takes = route.body?.safeParse({ [name]: value }).error?.issues[0]?.code !== 'unrecognized_keys';
        if (route.body && takes && random(4) > 0) body[name] = value;
      }
      if (random(5) === 0) Object.assign(body, Object.fromEntries([pick(Object.entries(hostile))]));
      const asked = {
        params: Object.fromEntries(names.map((name) => [name, pick(ids)])),
        body,
        organizationId: random(10) === 0 ? pick(ids) : ann.organizationId,
      };
      const outcome = await problemOf(ann, route.id, asked);
      const code = typeof outcome === 'string' ? 'done' : String((outcome as Json).code);
      outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
    }
    expect(await rights()).toBe(before);
    expect([...outcomes.keys()]).not.toContain('internal_error');
    expect(outcomes.get('done')).toBeGreaterThan(20);
    expect(outcomes.get('insufficient_scope')).toBeGreaterThan(20);
  }, 60_000);
});
