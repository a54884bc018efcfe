import { createSecretKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateApiKey, parseApiKey } from '#libs/contracts';
import { ApiKey } from '#libs/persistence';
import type { Logger } from '#libs/telemetry';
import { Bootstrap, defaultOrganizationId } from './bootstrap.js';
import { TestOrganization } from './keys/testing/test-organization.js';

const pepper = 'a-pepper-of-at-least-thirty-two-characters';
const keys = {
  MODAPI_BOOTSTRAP_API_KEY: generateApiKey('inference'),
  MODAPI_BOOTSTRAP_ADMIN_KEY: generateApiKey('admin'),
};
const warnings: unknown[] = [];
const logger = { warn: (fields: unknown) => warnings.push(fields) } as unknown as Logger;

let office: TestOrganization;
let stop: (() => Promise<void>) | undefined;

beforeAll(async () => {
  [office, stop] = await TestOrganization.start();
}, 60_000);

afterAll(async () => {
  await stop?.();
});

function start(environment: Partial<typeof keys> = keys): Promise<void> {
  const settings = { DATABASE_URL: 'postgres://unused', MODAPI_KEY_PEPPER: pepper, ...environment };
  const own = settings as ConstructorParameters<typeof Bootstrap>[1];
  return new Bootstrap(office.database, own, createSecretKey(pepper, 'utf8'), logger).onModuleInit();
}

const callerOf = async (key: string) => (await office.lookUp(key)).caller;
const mode = async () =>
  office.database.query<object[]>(
    `select o.billing_mode, a.overdraft_nanos from organizations o join ledger_accounts a on a.organization_id = o.id
     where o.id = $1`,
    [defaultOrganizationId],
  );

describe('the bootstrap', () => {
  it('makes the admin key an operator, and no other, also if two processes start at once', async () => {
    await Promise.all([start(), start()]);
    expect(await callerOf(keys.MODAPI_BOOTSTRAP_ADMIN_KEY)).toMatchObject({ scope: 'admin', operator: true });
    expect(await callerOf(keys.MODAPI_BOOTSTRAP_API_KEY)).toMatchObject({ scope: 'inference', operator: false });
    expect(await mode()).toEqual([{ billing_mode: 'postpaid', overdraft_nanos: null }]);
  });

  it('leaves the billing mode that an operator has chosen', async () => {
    await office.database.query(`update organizations set billing_mode = 'prepaid'`);
    await office.database.query(`update ledger_accounts set overdraft_nanos = 7`);
    await start();
    expect(await mode()).toEqual([{ billing_mode: 'prepaid', overdraft_nanos: '7' }]);
  });

  it('makes a key an operator that was stored before there were operators, but revives none that was revoked', async () => {
    const { id } = parseApiKey(keys.MODAPI_BOOTSTRAP_ADMIN_KEY)!;
    await office.database.manager.update(ApiKey, { id }, { operator: false, revokedAt: new Date() });
    await start();
    expect(await office.lookUp(keys.MODAPI_BOOTSTRAP_ADMIN_KEY)).toMatchObject({
      caller: { operator: true },
      refusal: 'revoked',
    });
    expect(warnings).toEqual([{ keyId: id }]);
  });

  it('makes no operator of a key of another organization', async () => {
    await office.add('a');
    const { value } = await office.ask('admin_api_keys.create', { body: { name: 'theirs' } });
    await start({ MODAPI_BOOTSTRAP_ADMIN_KEY: String(value) });
    expect(await callerOf(String(value))).toMatchObject({ organizationId: 'org_a', operator: false });
  });
});
