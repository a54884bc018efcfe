import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { keyLookupReply } from '#libs/contracts';
import { TestOrganization } from './testing/test-organization.js';

let office: TestOrganization;
let stop: (() => Promise<void>) | undefined;
let value: string;
let id: string;

const inProject = { project_id: 'proj_a' };

beforeAll(async () => {
  [office, stop] = await TestOrganization.start();
}, 60_000);

afterAll(async () => {
  await stop?.();
});

let organizations = 0;
/** Every case has an organization of its own. */
let organizationId: string;

beforeEach(async () => {
  const name = `a${++organizations}`;
  organizationId = `org_${name}`;
  inProject.project_id = `proj_${name}`;
  await office.add(name);
  const made = await office.ask('projects.api_keys.create', { organizationId, params: inProject, body: { name: 'k' } });
  ({ value, id } = made as { value: string; id: string });
});

const sql = (text: string, values: unknown[] = []): Promise<unknown> => office.database.query(text, values);

async function policy() {
  const reply = keyLookupReply.parse(await office.lookUp(value));
  expect(reply.refusal).toBeNull();
  return reply.policy;
}

describe('the policy of a key', () => {
  it('is empty for a key without restrictions', async () => {
    expect(await office.lookUp(value)).toEqual({
      caller: {
        keyId: id,
        organizationId,
        projectId: inProject.project_id,
        scope: 'inference',
        operator: false,
        billingMode: 'postpaid',
      },
      policy: { models: null, ipAllowList: null, expiresAt: null, needsHold: false, limits: [], prices: {} },
      refusal: null,
    });
  });

  it('has its models, its addresses and its expiry', async () => {
    const expiresAt = Math.floor(Date.now() / 1_000) + 3_600;
    const body = {
      name: 'k',
      models: ['openai/*', 'sandbox/chat'],
      ip_allow_list: ['10.0.0.0/8', '::1'],
      expires_at: expiresAt,
    };
    const made = await office.ask('projects.api_keys.create', { organizationId, params: inProject, body });
    value = String(made['value']);
    expect(await policy()).toMatchObject({
      models: ['openai/*', 'sandbox/chat'],
      ipAllowList: ['10.0.0.0/8', '::1'],
      expiresAt: expiresAt * 1_000,
    });
  });

  it('has the limits of the key and those of its project, and no others', async () => {
    const limits = { requests_per_minute: 60, max_concurrency: 2 };
    await office.ask('projects.api_keys.update', {
      organizationId,
      params: { ...inProject, api_key_id: id },
      body: limits,
    });
    for (const [model, tokens] of [
      [null, 1_000],
      ['sandbox/chat', 500],
    ]) {
      const body = { model, max_tokens_per_1_minute: tokens };
      await office.ask('projects.rate_limits.create', { organizationId, params: inProject, body });
    }
    const none = { requestsPerMinute: null, tokensPerMinute: null, concurrency: null };
    const project = { ...none, scope: 'project', id: inProject.project_id };
    const found = (await policy())?.limits ?? [];
    expect(found).toHaveLength(3);
    expect(found).toEqual(
      expect.arrayContaining([
        { ...none, scope: 'key', id, model: null, requestsPerMinute: 60, concurrency: 2 },
        { ...project, model: null, tokensPerMinute: 1_000 },
        { ...project, model: 'sandbox/chat', tokensPerMinute: 500 },
      ]),
    );
  });

  it('has the prices of its organization', async () => {
    const price = { input: '150000000', output: '600000000' };
    await sql(`insert into price_overrides (organization_id, model, price) values ($1, 'sandbox/chat', $2)`, [
      organizationId,
      price,
    ]);
    expect((await policy())?.prices).toEqual({ 'sandbox/chat': price });
  });

  it.each(['organization', 'project', 'key'])('needs a hold while its %s has a budget', async (scope) => {
    const scopeId = { organization: organizationId, project: inProject.project_id, key: id }[scope];
    const budget = [`budget_${organizationId}`, organizationId, scope, scopeId];
    await sql(
      `insert into budgets (id, organization_id, scope, scope_id, period, amount_nanos) values ($1, $2, $3, $4, 'day', 1)`,
      budget,
    );
    expect((await policy())?.needsHold).toBe(true);
    await sql(`update budgets set deleted_at = now() where id = $1`, [budget[0]]);
    expect((await policy())?.needsHold).toBe(false);
  });

  it('needs a hold if its organization is prepaid', async () => {
    await sql(`update organizations set billing_mode = 'prepaid' where id = $1`, [organizationId]);
    expect((await policy())?.needsHold).toBe(true);
  });

  it('does not see budgets, limits and prices of another organization', async () => {
    await office.add(`other_${organizationId}`);
    const other = `org_other_${organizationId}`;
    await sql(
      `insert into budgets (id, organization_id, scope, scope_id, period, amount_nanos) values ($1, $1, 'key', $2, 'day', 1)`,
      [other, id],
    );
    await sql(`insert into price_overrides (organization_id, model, price) values ($1, 'm', '{}')`, [other]);
    expect(await policy()).toMatchObject({ needsHold: false, limits: [], prices: {} });
  });
});

describe('a key is refused', () => {
  it('as revoked when its project is archived, but not an admin key of that project', async () => {
    const admin = await office.ask('admin_api_keys.create', { organizationId, body: { name: 'second' } });
    await sql(`update projects set archived_at = now() where id = $1`, [inProject.project_id]);
    expect((await office.lookUp(value)).refusal).toBe('revoked');
    expect((await office.lookUp(String(admin['value']))).refusal).toBeNull();
  });

  it('as expired from its expiry on', async () => {
    await sql(`update api_keys set expires_at = now() where id = $1`, [id]);
    expect((await office.lookUp(value)).refusal).toBe('expired');
  });

  it('when its organization is disabled', async () => {
    await sql(`update organizations set disabled_at = now() where id = $1`, [organizationId]);
    expect((await office.lookUp(value)).refusal).toBe('organization_disabled');
  });
});
