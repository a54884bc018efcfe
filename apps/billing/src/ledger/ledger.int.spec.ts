import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Terms } from './ledger.js';
import { LedgerFixture } from './testing/ledger-fixture.js';

let fixture: LedgerFixture;

beforeAll(async () => {
  fixture = await LedgerFixture.open();
}, 30_000);
afterAll(() => fixture.close());

const topUp = (organizationId: string, amountNanos: bigint, reference = 'payment') =>
  fixture.ledger.topUp(fixture.database, { organizationId, amountNanos, reference });
const refund = (organizationId: string, amountNanos: bigint, reference: string, requestId: string) =>
  fixture.ledger.refund(fixture.database, { organizationId, amountNanos, reference, requestId });
const balance = (organizationId: string) => fixture.ledger.balance(fixture.database, organizationId);

describe('a top-up', () => {
  it('is booked once, however often it is sent', async () => {
    const organization = await fixture.organization('prepaid');
    const sent = await Promise.all(Array.from({ length: 5 }, () => topUp(organization, 10n ** 18n - 1n)));
    const done = sent.filter(({ outcome }) => outcome === 'done');
    expect(done).toEqual([{ outcome: 'done', transactionId: expect.any(BigInt), availableNanos: 10n ** 18n - 1n }]);
    expect(sent.filter(({ outcome }) => outcome === 'repeated')).toHaveLength(4);
    expect((await balance(organization))?.availableNanos).toBe(10n ** 18n - 1n);
  });

  it('with a reference of another amount says so', async () => {
    const organization = await fixture.organization('prepaid');
    await topUp(organization, 5n);
    expect(await topUp(organization, 6n)).toMatchObject({ outcome: 'differs', bookedNanos: 5n });
    expect((await balance(organization))?.availableNanos).toBe(5n);
  });

  it('may have the reference that another organization used', async () => {
    const organizations = [await fixture.organization('prepaid'), await fixture.organization('prepaid')];
    for (const organization of organizations) expect(await topUp(organization, 5n)).toMatchObject({ outcome: 'done' });
  });

  it('needs an organization and an amount', async () => {
    expect(await topUp('org_none', 5n)).toEqual({ outcome: 'unknown_organization' });
    const organization = await fixture.organization('prepaid');
    await expect(topUp(organization, 0n)).rejects.toThrow(/more than zero/);
    await expect(topUp(organization, -1n)).rejects.toThrow(/more than zero/);
    expect(await balance('org_none')).toBeUndefined();
  });

  it('belongs to the transaction of its caller', async () => {
    const organization = await fixture.organization('prepaid');
    const rollback = fixture.database.transaction(async (manager) => {
      await fixture.ledger.topUp(manager, { organizationId: organization, amountNanos: 5n, reference: 'r' });
      throw new Error('no');
    });
    await expect(rollback).rejects.toThrow('no');
    expect((await balance(organization))?.availableNanos).toBe(0n);
  });
});

describe('a refund', () => {
  it('of a request gives back at most what it was charged, and reverses its capture', async () => {
    const organization = await fixture.organization('prepaid', { available: 100n });
    const row = fixture.row(organization, 130);
    await fixture.settle(row); // 30 were written off
    expect(await refund(organization, 101n, 'a', row.requestId)).toEqual({
      outcome: 'exceeds_charge',
      refundableNanos: 100n,
    });
    expect(await refund(organization, 60n, 'a', row.requestId)).toMatchObject({ outcome: 'done', availableNanos: 60n });
    expect(await refund(organization, 60n, 'a', row.requestId)).toMatchObject({
      outcome: 'repeated',
      availableNanos: 60n,
    });
    expect(await refund(organization, 60n, 'a', 'req_other')).toMatchObject({ outcome: 'differs' });
    expect(await refund(organization, 41n, 'b', row.requestId)).toMatchObject({ refundableNanos: 40n });
    expect(await refund(organization, 40n, 'b', row.requestId)).toMatchObject({ outcome: 'done' });
    const reversed = await fixture.database.query<object[]>(
      `select r.available_nanos, r.revenue_nanos, c.kind from ledger_transactions r
       join ledger_transactions c on c.id = r.reverses_id where r.request_id = $1 order by r.id`,
      [row.requestId],
    );
    expect(reversed).toEqual([
      { available_nanos: '60', revenue_nanos: '-60', kind: 'capture' },
      { available_nanos: '40', revenue_nanos: '-40', kind: 'capture' },
    ]);
  });

  it('raced by another never exceeds the charge together', async () => {
    const organization = await fixture.organization('postpaid');
    const row = fixture.row(organization, 100);
    await fixture.settle(row);
    const raced = await Promise.all(['a', 'b', 'c'].map((name) => refund(organization, 60n, name, row.requestId)));
    expect(raced.map(({ outcome }) => outcome).toSorted()).toEqual(['done', 'exceeds_charge', 'exceeds_charge']);
  });

  it('knows only requests of its organization', async () => {
    const organization = await fixture.organization('postpaid');
    const row = fixture.row(await fixture.organization('postpaid'), 100);
    await fixture.settle(row);
    expect(await refund(organization, 1n, 'a', row.requestId)).toEqual({ outcome: 'not_charged' });
  });

  it('needs an organization, an amount and a request: what is given for none is a top-up', async () => {
    const organization = await fixture.organization('prepaid', { available: 100n });
    await fixture.settle(fixture.row(organization, 30));
    const bare = `select * from ledger_refund('${organization}', 7, 'sorry'`;
    await expect(fixture.database.query(`${bare})`)).rejects.toThrow(/does not exist/);
    await expect(fixture.database.query(`${bare}, null)`)).rejects.toThrow(/goodwill is a top-up/);
    await expect(refund(organization, 0n, 'sorry', 'req_x')).rejects.toThrow(/more than zero/);
    expect(await refund('org_none', 7n, 'sorry', 'req_x')).toEqual({ outcome: 'unknown_organization' });
    expect((await balance(organization))?.availableNanos).toBe(70n);
  });
});

describe('terms', () => {
  const setTerms = (terms: Terms) => fixture.ledger.setTerms(fixture.database, terms);

  it('of a postpaid organization have no floor', async () => {
    const organizationId = await fixture.organization('prepaid', { available: 10n, overdraft: 5n });
    expect(await balance(organizationId)).toEqual({
      organizationId,
      billingMode: 'prepaid',
      availableNanos: 10n,
      heldNanos: 0n,
      overdraftNanos: 5n,
    });
    expect(await setTerms({ organizationId, billingMode: 'postpaid' })).toEqual({ outcome: 'done' });
    expect(await balance(organizationId)).toMatchObject({ billingMode: 'postpaid', overdraftNanos: null });
    await fixture.settle(fixture.row(organizationId, 1_000));
    expect(await fixture.account(organizationId)).toMatchObject({ available: -990n });
  });

  it('of a prepaid one wait until the balance reaches the floor, and say what is missing', async () => {
    const organizationId = await fixture.organization('postpaid');
    await fixture.settle(fixture.row(organizationId, 100));
    const prepaid = { organizationId, billingMode: 'prepaid' as const };
    expect(await setTerms(prepaid)).toEqual({ outcome: 'top_up_needed', missingNanos: 100n });
    expect(await setTerms({ ...prepaid, overdraftNanos: 30n })).toEqual({
      outcome: 'top_up_needed',
      missingNanos: 70n,
    });
    expect(await balance(organizationId)).toMatchObject({ billingMode: 'postpaid', overdraftNanos: null });
    await topUp(organizationId, 70n);
    expect(await setTerms({ ...prepaid, overdraftNanos: 30n })).toEqual({ outcome: 'done' });
    expect(await balance(organizationId)).toMatchObject({ billingMode: 'prepaid', overdraftNanos: 30n });
    expect(await setTerms(prepaid)).toEqual({ outcome: 'top_up_needed', missingNanos: 30n });
  });

  it('need an organization', async () => {
    const none = { organizationId: 'org_none', billingMode: 'postpaid' as const };
    expect(await setTerms(none)).toEqual({ outcome: 'unknown_organization' });
  });
});
