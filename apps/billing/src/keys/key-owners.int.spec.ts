import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Asked, type Json, TestOrganization } from './testing/test-organization.js';

let office: TestOrganization;
let stop: (() => Promise<void>) | undefined;

const inA = { project_id: 'proj_a' };

beforeAll(async () => {
  [office, stop] = await TestOrganization.start();
  for (const name of ['a', 'b']) await office.add(name);
}, 60_000);

afterAll(async () => {
  await stop?.();
});

const idsOf = (page: Json): string[] => (page['data'] as { id: string }[]).map(({ id }) => id);

describe('a service account', () => {
  const onAccount = (id: unknown, asked: Asked = {}): Asked => ({
    ...asked,
    params: { ...inA, service_account_id: String(id) },
  });
  const create = async (body: Json = {}): Promise<Json & { api_key: Json }> =>
    (await office.ask('projects.service_accounts.create', {
      params: inA,
      body: { name: 'robot', ...body },
    })) as Json & { api_key: Json };
  const refusalOf = async (key: Json): Promise<unknown> => (await office.lookUp(String(key['value']))).refusal;

  it('comes with a key, which names it as its owner', async () => {
    await office.audited();
    const { api_key: key, ...account } = await create({ expires_in_seconds: 60 });
    expect(account).toEqual({
      object: 'organization.project.service_account',
      id: expect.stringMatching(/^svc_acct_[0-9a-f]{24}$/),
      name: 'robot',
      role: 'member',
      created_at: expect.any(Number),
    });
    expect(key).toEqual({
      object: 'organization.project.service_account.api_key',
      id: expect.stringMatching(/^key_/),
      value: expect.stringMatching(/^sk-modapi-/),
      name: 'robot',
      created_at: expect.any(Number),
      expires_at: Number(key['created_at']) + 60,
    });
    expect(await refusalOf(key)).toBeNull();
    const { object: _object, ...owner } = account;
    const params = { ...inA, api_key_id: String(key['id']) };
    const found = await office.ask('projects.api_keys.retrieve', { params });
    expect(found['owner']).toEqual({ type: 'service_account', service_account: owner });
    expect(await office.audited()).toEqual([
      {
        type: 'service_account.created',
        project_id: 'proj_a',
        details: { id: account['id'], data: { name: 'robot', role: 'member' } },
      },
      {
        type: 'api_key.created',
        project_id: 'proj_a',
        details: expect.objectContaining({ id: key['id'] }),
      },
    ]);
  });

  it('comes without a key if that is wanted, and gets further keys with rights of their own', async () => {
    const account = await create({ create_service_account_only: true });
    expect(account.api_key).toBeNull();
    const body = { models: ['sandbox/chat'], scopes: [] };
    const key = await office.ask('projects.service_accounts.api_keys.create', onAccount(account['id'], { body }));
    expect((await office.lookUp(String(key['value']))).policy?.models).toEqual(['sandbox/chat']);
    await expect(create({ create_service_account_only: true, expires_in_seconds: 5 })).rejects.toMatchObject({
      code: 'invalid_value',
      param: 'expires_in_seconds',
    });
    const scoped = onAccount(account['id'], { body: { scopes: ['api.all.read'] } });
    await expect(office.ask('projects.service_accounts.api_keys.create', scoped)).rejects.toMatchObject({
      code: 'unsupported_parameter',
    });
  });

  it('is renamed', async () => {
    const account = await create();
    const body = { name: 'other', role: 'owner' };
    const changed = await office.ask('projects.service_accounts.update', onAccount(account['id'], { body }));
    expect(changed).toMatchObject(body);
    expect(await office.ask('projects.service_accounts.retrieve', onAccount(account['id']))).toEqual(changed);
  });

  it('takes its keys with it', async () => {
    const account = await create();
    const further = await office.ask('projects.service_accounts.api_keys.create', onAccount(account['id']));
    office.broadcasts.length = 0;
    expect(await office.ask('projects.service_accounts.delete', onAccount(account['id']))).toEqual({
      object: 'organization.project.service_account.deleted',
      id: account['id'],
      deleted: true,
    });
    expect([await refusalOf(account.api_key), await refusalOf(further)]).toEqual(['revoked', 'revoked']);
    expect(office.broadcasts).toEqual([{ organizationId: 'org_a' }]);
    const list = await office.ask('projects.service_accounts.list', { params: inA, query: { limit: 100 } });
    expect(idsOf(list)).not.toContain(account['id']);
    for (const route of ['retrieve', 'delete', 'api_keys.create']) {
      const asked = office.ask(`projects.service_accounts.${route}`, onAccount(account['id']));
      await expect(asked).rejects.toMatchObject({ code: 'not_found' });
    }
  });

  it('refuses its keys from then on even if one of them was not marked', async () => {
    const account = await create();
    await office.database.query(`update service_accounts set deleted_at = now() where id = $1`, [account['id']]);
    expect(await refusalOf(account.api_key)).toBe('revoked');
  });

  it('of another organization does not exist', async () => {
    const account = await create();
    for (const params of [inA, { project_id: 'proj_b' }]) {
      const asked = { organizationId: 'org_b', params: { ...params, service_account_id: String(account['id']) } };
      await expect(office.ask('projects.service_accounts.delete', asked)).rejects.toMatchObject({ code: 'not_found' });
    }
    expect(await refusalOf(account.api_key)).toBeNull();
  });
});

describe('an admin key', () => {
  const create = (asked: Asked = {}): Promise<Json> =>
    office.ask('admin_api_keys.create', { body: { name: 'second' }, ...asked });
  const remove = (id: unknown, asked: Asked = {}): Promise<Json> =>
    office.ask('admin_api_keys.delete', { ...asked, params: { key_id: String(id) } });

  it('is made, shown once, listed and read, and is never an operator', async () => {
    const { value, ...rest } = await create({ caller: { operator: true } });
    expect(rest).toEqual({
      object: 'organization.admin_api_key',
      id: expect.stringMatching(/^key_/),
      name: 'second',
      redacted_value: `sk-modapi-admin-${String(rest['id']).slice(4)}...${String(value).slice(-4)}`,
      created_at: expect.any(Number),
      last_used_at: null,
      expires_at: null,
      owner: {
        type: 'user',
        object: 'organization.user',
        id: 'key_admin_a',
        name: 'first',
        role: 'owner',
        created_at: expect.any(Number),
      },
      operator: false,
    });
    expect(await office.ask('admin_api_keys.retrieve', { params: { key_id: String(rest['id']) } })).toEqual(rest);
    expect(idsOf(await office.ask('admin_api_keys.list'))).toEqual([rest['id'], 'key_admin_a']);
    expect((await office.lookUp(String(value))).caller).toMatchObject({ scope: 'admin', operator: false });
  });

  it('is not a project key, nor the other way round', async () => {
    const params = { ...inA, api_key_id: 'key_admin_a' };
    await expect(office.ask('projects.api_keys.delete', { params })).rejects.toMatchObject({ code: 'not_found' });
    const key = await office.ask('projects.api_keys.create', { params: inA, body: { name: 'k' } });
    await expect(remove(key['id'])).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is revoked by another one, and every ingress is told', async () => {
    const { id, value } = await create();
    office.broadcasts.length = 0;
    expect(await remove(id)).toEqual({ object: 'organization.admin_api_key.deleted', id, deleted: true });
    expect((await office.lookUp(String(value))).refusal).toBe('revoked');
    expect(office.broadcasts).toEqual([{ keyId: id }]);
    await expect(remove(id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('does not delete itself', async () => {
    await expect(remove('key_admin_a')).rejects.toMatchObject({ code: 'bad_request', param: 'key_id' });
  });

  it('is not deleted if it is the last that works, not even by an operator', async () => {
    const operator = { organizationId: 'org_b', caller: { keyId: 'key_operator', operator: true } };
    await create({ organizationId: 'org_b', body: { name: 'short', expires_in_seconds: 60 } });
    await office.database.query(
      `update api_keys set expires_at = now() where organization_id = 'org_b' and name = 'short'`,
    );
    await expect(remove('key_admin_b', operator)).rejects.toThrow(/the last admin key/);
    await create(operator);
    await expect(remove('key_admin_b', operator)).resolves.toMatchObject({ deleted: true });
  });

  it('stays one of two that delete each other at once', async () => {
    await office.add('duel');
    const organizationId = 'org_duel';
    const { id } = await create({ organizationId });
    const results = await Promise.allSettled([
      remove(id, { organizationId }),
      remove('key_admin_duel', { organizationId, caller: { keyId: String(id) } }),
    ]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  it('of the operator is deleted by an operator only', async () => {
    await office.database.query(
      `insert into api_keys (organization_id, project_id, id, digest, scope, name, last4, operator)
       values ('org_a', 'proj_a', 'key_boss', 'boss', 'admin', 'boss', 'abcd', true)`,
    );
    await expect(remove('key_boss')).rejects.toMatchObject({ code: 'insufficient_scope' });
    await expect(remove('key_boss', { caller: { operator: true } })).resolves.toMatchObject({ deleted: true });
  });

  it('is not made with rights that it cannot have', async () => {
    for (const name of ['operator', 'scopes', 'role', 'organization_id', 'models']) {
      const asked = create({ body: { name: 'n', [name]: true } });
      await expect(asked).rejects.toMatchObject({ code: 'unknown_parameter', param: name });
    }
  });
});

describe('a rate limit', () => {
  const create = (body: Json): Promise<Json> => office.ask('projects.rate_limits.create', { params: inA, body });
  const onLimit = (id: unknown, body: Json = {}): Asked => ({ params: { ...inA, rate_limit_id: String(id) }, body });

  it('is made, changed, listed and removed, and every ingress is told each time', async () => {
    await office.audited();
    office.broadcasts.length = 0;
    const made = await create({ model: 'sandbox/chat', max_requests_per_1_minute: 5, max_concurrency: 2 });
    const { id } = made;
    expect(made).toEqual({
      object: 'project.rate_limit',
      id: expect.stringMatching(/^rl_/),
      model: 'sandbox/chat',
      max_requests_per_1_minute: 5,
      max_tokens_per_1_minute: null,
      max_concurrency: 2,
    });
    const change = { max_tokens_per_1_minute: 9, max_concurrency: null };
    const changed = await office.ask('projects.rate_limits.update', onLimit(id, change));
    expect(changed).toEqual({ ...made, ...change });
    const list = await office.ask('projects.rate_limits.list', { params: inA });
    expect(list['data']).toEqual([changed]);
    expect(await office.ask('projects.rate_limits.delete', onLimit(id))).toEqual({
      object: 'project.rate_limit.deleted',
      id,
      deleted: true,
    });
    await expect(office.ask('projects.rate_limits.delete', onLimit(id))).rejects.toMatchObject({ code: 'not_found' });
    expect(office.broadcasts).toEqual(Array.from({ length: 3 }, () => ({ organizationId: 'org_a' })));
    expect((await office.audited()).map((entry) => entry['type'])).toEqual([
      'rate_limit.created',
      'rate_limit.updated',
      'rate_limit.deleted',
    ]);
  });

  it('exists once for each model, and once for all models together', async () => {
    for (const model of ['m', null]) {
      await create({ model, max_concurrency: 1 });
      await expect(create({ model, max_concurrency: 2 })).rejects.toMatchObject({ code: 'conflict', param: 'model' });
    }
  });

  it('refuses what it would not enforce', async () => {
    const { id } = await create({ model: 'other', max_concurrency: 1 });
    for (const name of ['max_images_per_1_minute', 'max_requests_per_1_day']) {
      const asked = office.ask('projects.rate_limits.update', onLimit(id, { [name]: 1 }));
      await expect(asked).rejects.toMatchObject({ code: 'unsupported_parameter', param: name });
    }
    await expect(create({ model: 'third' })).rejects.toMatchObject({ code: 'missing_required_parameter' });
    await expect(create({ model: 'third', max_concurrency: 0 })).rejects.toMatchObject({ code: 'invalid_value' });
    await expect(office.ask('projects.rate_limits.update', onLimit(id))).rejects.toMatchObject({
      code: 'missing_required_parameter',
    });
  });

  it('of another organization does not exist', async () => {
    const { id } = await create({ model: 'fourth', max_concurrency: 1 });
    for (const project of ['proj_a', 'proj_b']) {
      const params = { project_id: project, rate_limit_id: String(id) };
      const asked = office.ask('projects.rate_limits.delete', { organizationId: 'org_b', params });
      await expect(asked).rejects.toMatchObject({ code: 'not_found' });
    }
  });
});
