import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { digestApiKey, parseApiKey } from '#libs/contracts';
import { createSecretKey } from 'node:crypto';
import { type Asked, type Json, TestOrganization } from './testing/test-organization.js';

let office: TestOrganization;
let stop: (() => Promise<void>) | undefined;

const inA = { project_id: 'proj_a' };

beforeAll(async () => {
  [office, stop] = await TestOrganization.start();
  await office.add('a');
  await office.add('b');
}, 60_000);

afterAll(async () => {
  await stop?.();
});

interface Made extends Json {
  id: string;
  value: string;
}

const create = async (body: Json = {}): Promise<Made> =>
  (await office.ask('projects.api_keys.create', { params: inA, body: { name: 'k', ...body } })) as Made;
const onKey = (id: string, asked: Asked = {}): Asked => ({ ...asked, params: { ...inA, api_key_id: id } });
const rotate = async (id: string, body: Json = {}): Promise<Made> =>
  (await office.ask('projects.api_keys.rotate', onKey(id, { body }))) as Made;
const refusalOf = async (key: Made): Promise<unknown> => (await office.lookUp(key.value)).refusal;
const now = (): number => Math.floor(Date.now() / 1_000);

describe('an API key', () => {
  it('is made with what the SDK expects, is shown once, and works', async () => {
    await office.audited();
    const made = await create({ name: 'mine', models: ['sandbox/*'], requests_per_minute: 5 });
    const { value, ...rest } = made;
    const publicId = made.id.slice('key_'.length);
    expect(rest).toEqual({
      object: 'organization.project.api_key',
      id: parseApiKey(value)?.id,
      name: 'mine',
      redacted_value: `sk-modapi-${publicId}...${value.slice(-4)}`,
      created_at: expect.any(Number),
      last_used_at: null,
      expires_at: null,
      owner: {
        type: 'user',
        user: { id: 'key_admin_a', name: 'first', email: '', role: 'owner', created_at: expect.any(Number) },
      },
      owner_project_access: 'active',
      models: ['sandbox/*'],
      ip_allow_list: null,
      requests_per_minute: 5,
      tokens_per_minute: null,
      max_concurrency: null,
      rotated_to: null,
    });
    expect(await office.ask('projects.api_keys.retrieve', onKey(made.id))).toEqual(rest);
    expect(await refusalOf(made)).toBeNull();
    expect(await office.audited()).toEqual([
      {
        type: 'api_key.created',
        project_id: 'proj_a',
        details: { id: made.id, data: { name: 'mine', models: ['sandbox/*'], requests_per_minute: 5 } },
      },
    ]);
  });

  it('shows when it was last used', async () => {
    const made = await create();
    await office.lookUp(made.value);
    await office.activity.flush();
    const found = await office.ask('projects.api_keys.retrieve', onKey(made.id));
    expect(Number(found['last_used_at'])).toBeGreaterThan(now() - 60);
  });

  it('is changed field by field, and every ingress is told', async () => {
    const made = await create({ models: ['a'], tokens_per_minute: 7 });
    office.broadcasts.length = 0;
    await office.audited();
    const body = { models: null, ip_allow_list: ['192.168.0.0/16'], expires_in_seconds: 60 };
    const changed = await office.ask('projects.api_keys.update', onKey(made.id, { body }));
    expect(changed).toMatchObject({ name: 'k', models: null, ip_allow_list: ['192.168.0.0/16'], tokens_per_minute: 7 });
    expect(Math.abs(Number(changed['expires_at']) - now() - 60)).toBeLessThan(5);
    expect(changed).not.toHaveProperty('value');
    expect(office.broadcasts).toEqual([{ keyId: made.id }]);
    expect(await office.audited()).toEqual([
      { type: 'api_key.updated', project_id: 'proj_a', details: { id: made.id, changes_requested: body } },
    ]);
  });

  it('is refused from the moment it is deleted, its row stays, and every ingress is told', async () => {
    const made = await create();
    office.broadcasts.length = 0;
    expect(await office.ask('projects.api_keys.delete', onKey(made.id))).toEqual({
      object: 'organization.project.api_key.deleted',
      id: made.id,
      deleted: true,
    });
    expect(await refusalOf(made)).toBe('revoked');
    expect(office.broadcasts).toEqual([{ keyId: made.id }]);
    for (const route of ['retrieve', 'delete', 'update', 'rotate']) {
      const body = route === 'update' ? { name: 'n' } : {};
      await expect(office.ask(`projects.api_keys.${route}`, onKey(made.id, { body }))).rejects.toMatchObject({
        code: 'not_found',
      });
    }
    const rows = await office.database.query<Json[]>(`select name from api_keys where id = $1`, [made.id]);
    expect(rows).toEqual([{ name: 'k' }]);
  });

  it('that expired cannot be changed or rotated', async () => {
    const made = await create();
    await office.database.query(`update api_keys set expires_at = now() where id = $1`, [made.id]);
    for (const [route, body] of [
      ['update', { name: 'n' }],
      ['rotate', {}],
    ] as const) {
      const asked = onKey(made.id, { body });
      await expect(office.ask(`projects.api_keys.${route}`, asked)).rejects.toMatchObject({ code: 'bad_request' });
    }
  });

  it.each([
    [{ allowed_routes: ['/*'] }, 'unknown_parameter', 'allowed_routes'],
    [{ role: 'admin' }, 'unknown_parameter', 'role'],
    [{ organization_id: 'org_b' }, 'unknown_parameter', 'organization_id'],
    [{ operator: true }, 'unknown_parameter', 'operator'],
    [{ scope: 'admin' }, 'unknown_parameter', 'scope'],
    [{ max_budget: -1 }, 'unknown_parameter', 'max_budget'],
    [{ models: [] }, 'invalid_value', 'models'],
    [{ models: ['a b'] }, 'invalid_value', 'models[0]'],
    [{ ip_allow_list: ['10.0.0.0/33'] }, 'invalid_value', 'ip_allow_list[0]'],
    [{ requests_per_minute: 0 }, 'invalid_value', 'requests_per_minute'],
    [{ max_concurrency: 1e10 }, 'invalid_value', 'max_concurrency'],
    [{ name: 'a\u0000b' }, 'invalid_value', 'name'],
    [{ expires_at: 1 }, 'invalid_value', 'expires_at'],
    [{ expires_at: 4e9, expires_in_seconds: 1 }, 'invalid_value', 'expires_at'],
  ])('is not made from %j', async (body, code, param) => {
    await expect(create(body)).rejects.toMatchObject({ code, param });
  });

  it('has no scopes: all is granted by an empty list, and any other is refused', async () => {
    const made = await create();
    const body = { scopes: ['api.all.read'] };
    await expect(office.ask('projects.api_keys.update', onKey(made.id, { body }))).rejects.toMatchObject({
      code: 'unsupported_parameter',
      param: 'scopes',
    });
    const unchanged = await office.ask('projects.api_keys.update', onKey(made.id, { body: { scopes: [] } }));
    expect(unchanged).toMatchObject({ id: made.id });
    await expect(office.ask('projects.api_keys.update', onKey(made.id))).rejects.toMatchObject({
      code: 'missing_required_parameter',
    });
  });

  it('of another organization or project does not exist', async () => {
    const made = await create();
    await office.database.query(`insert into projects (id, organization_id, name) values ('proj_a2', 'org_a', 'two')`);
    const places: Asked[] = [
      { organizationId: 'org_b', params: { ...inA, api_key_id: made.id } },
      { organizationId: 'org_b', params: { project_id: 'proj_b', api_key_id: made.id } },
      { params: { project_id: 'proj_a2', api_key_id: made.id } },
      onKey(`key_admin_a`),
      onKey(`' or 1=1 --`),
    ];
    for (const place of places) {
      for (const [route, body] of Object.entries({ retrieve: {}, update: { name: 'n' }, rotate: {}, delete: {} })) {
        const asked = office.ask(`projects.api_keys.${route}`, { ...place, body });
        await expect(asked).rejects.toMatchObject({ code: 'not_found' });
      }
    }
    expect(await refusalOf(made)).toBeNull();
    const foreign = { organizationId: 'org_b', params: inA, body: { name: 'n' } };
    await expect(office.ask('projects.api_keys.create', foreign)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is not made in an archived project', async () => {
    await office.database.query(
      `insert into projects (id, organization_id, name, archived_at) values ('proj_old', 'org_a', 'old', now())`,
    );
    const asked = { params: { project_id: 'proj_old' }, body: { name: 'n' } };
    await expect(office.ask('projects.api_keys.create', asked)).rejects.toMatchObject({ code: 'bad_request' });
  });
});

describe('rotation', () => {
  const rights = { models: ['a'], ip_allow_list: ['::1'], tokens_per_minute: 9, max_concurrency: 1 };

  it('makes a key with the same rights, and both work until the overlap is over', async () => {
    const old = await create(rights);
    office.broadcasts.length = 0;
    const fresh = await rotate(old.id, { overlap_seconds: 100 });
    expect(fresh).toMatchObject({ ...rights, name: 'k', expires_at: null, rotated_to: null });
    expect(fresh.id).toBe(parseApiKey(fresh.value)?.id);
    expect([await refusalOf(old), await refusalOf(fresh)]).toEqual([null, null]);
    const left = await office.ask('projects.api_keys.retrieve', onKey(old.id));
    expect(left['rotated_to']).toBe(fresh.id);
    expect(Math.abs(Number(left['expires_at']) - now() - 100)).toBeLessThan(5);
    expect(office.broadcasts).toEqual([{ keyId: old.id }]);
  });

  it('without an overlap ends the old key at once', async () => {
    const old = await create();
    const fresh = await rotate(old.id, { overlap_seconds: 0 });
    expect([await refusalOf(old), await refusalOf(fresh)]).toEqual(['expired', null]);
  });

  it('lasts a day by default, and never makes the old key live longer', async () => {
    const [lasting, short] = [await create(), await create({ expires_in_seconds: 50 })];
    const expiryOf = async (id: string) =>
      Number((await office.ask('projects.api_keys.retrieve', onKey(id)))['expires_at']) - now();
    await rotate(lasting.id);
    const fresh = await rotate(short.id);
    expect(Math.abs((await expiryOf(lasting.id)) - 86_400)).toBeLessThan(5);
    expect(Math.abs((await expiryOf(short.id)) - 50)).toBeLessThan(5);
    expect(Math.abs((await expiryOf(fresh.id)) - 50)).toBeLessThan(5);
    const renewed = await rotate(fresh.id, { expires_in_seconds: 500 });
    expect(Math.abs((await expiryOf(renewed.id)) - 500)).toBeLessThan(5);
  });

  it('of a key that was rotated is refused, also if both come at once', async () => {
    const old = await create();
    const both = await Promise.allSettled([rotate(old.id), rotate(old.id)]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await expect(rotate(old.id)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('gives nothing twice: budgets and limits of a chain are those of its newest key', async () => {
    const first = await create({ requests_per_minute: 3 });
    await office.database.query(
      `insert into budgets (id, organization_id, scope, scope_id, period, amount_nanos)
       values ('budget_k', 'org_a', 'key', $1, 'total', 5)`,
      [first.id],
    );
    const second = await rotate(first.id);
    const third = await rotate(second.id);
    const [budget] = await office.database.query<Json[]>(`select scope_id from budgets where id = 'budget_k'`);
    expect(budget).toEqual({ scope_id: third.id });
    for (const { value } of [first, second, third]) {
      const { policy } = await office.lookUp(value);
      expect(policy).toMatchObject({ needsHold: true, limits: [{ id: third.id, requestsPerMinute: 3 }] });
    }
  });

  it.each([{ overlap_seconds: -1 }, { overlap_seconds: 2_592_001 }, { overlap_seconds: '5' }])(
    'refuses %j',
    async (body) => {
      await expect(rotate('key_any', body)).rejects.toMatchObject({ code: 'invalid_value', param: 'overlap_seconds' });
    },
  );
});

describe('the list of API keys', () => {
  it('pages by id through keys of one instant in both orders, while keys come and go', async () => {
    await office.add('pages');
    const place = { organizationId: 'org_pages', params: { project_id: 'proj_pages' } };
    await office.database.query(
      `insert into api_keys (id, digest, scope, organization_id, project_id, name, last4, created_at)
       select 'key_p' || n, 'p' || n, 'inference', 'org_pages', 'proj_pages', 'n', 'abcd', '2026-01-01'
       from generate_series(1, 7) n`,
    );
    const list = (query: Json) => office.ask('projects.api_keys.list', { ...place, query });
    const idsOf = (page: Json) => (page['data'] as Made[]).map((key) => key.id);
    const first = await list({ limit: '3' });
    expect(idsOf(first)).toEqual(['key_p7', 'key_p6', 'key_p5']);
    expect(first).toMatchObject({ object: 'list', first_id: 'key_p7', last_id: 'key_p5', has_more: true });
    await office.ask('projects.api_keys.delete', { ...place, params: { ...place.params, api_key_id: 'key_p5' } });
    const second = await list({ limit: 4, after: 'key_p5' });
    expect(idsOf(second)).toEqual(['key_p4', 'key_p3', 'key_p2', 'key_p1']);
    expect(second).toMatchObject({ has_more: false });
    expect(idsOf(await list({ order: 'asc', limit: 2, after: 'key_p3' }))).toEqual(['key_p4', 'key_p6']);
    expect(await list({ after: 'key_p1' })).toEqual({
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
    expect(idsOf(await list({ owner_project_access: 'inactive' }))).toEqual([]);
  });

  it.each([
    [{ limit: '0' }, 'limit'],
    [{ limit: '101' }, 'limit'],
    [{ limit: 'x' }, 'limit'],
    [{ order: 'up' }, 'order'],
    [{ after: 'key_admin_b' }, 'after'],
    [{ after: 'key_none' }, 'after'],
    [{ after: `'; drop table api_keys` }, 'after'],
  ])('refuses %j', async (query, param) => {
    const asked = office.ask('projects.api_keys.list', { params: inA, query });
    await expect(asked).rejects.toMatchObject({ code: 'invalid_value', param });
  });
});

describe('the database', () => {
  it('holds no key in any column of any table, only the HMAC', async () => {
    const made = await create();
    const fresh = await rotate(made.id);
    const account = await office.ask('projects.service_accounts.create', { params: inA, body: { name: 's' } });
    const admin = await office.ask('admin_api_keys.create', { body: { name: 'x' } });
    const values = [made, fresh, account['api_key'] as Made, admin as Made].map((key) => key.value);
    const tables = await office.database.query<{ name: string }[]>(
      `select table_name as name from information_schema.tables
       where table_schema = 'public' and table_type = 'BASE TABLE'`,
    );
    let dump = '';
    for (const { name } of tables) {
      const rows = await office.database.query<{ text: string }[]>(`select t::text as text from "${name}" t`);
      dump += rows.map((row) => row.text).join('\n');
    }
    const pepper = createSecretKey('a-pepper-of-at-least-thirty-two-characters', 'utf8');
    for (const value of values) {
      expect(dump).toContain(digestApiKey(value, pepper));
      // Its public id and its last four characters are shown.
      expect(dump).not.toContain(value.slice(-38, -4));
      expect(dump).not.toContain(value.slice(-20, -4));
    }
  });

  it('lets no statement of the management API write operator', async () => {
    const write = office.database.transaction(async (manager) => {
      await manager.query(
        `select set_config('role', 'modapi_api', true), set_config('app.organization', 'org_a', true)`,
      );
      await manager.query(`update api_keys set operator = true`);
    });
    await expect(write).rejects.toThrow(/permission denied/);
  });
});
