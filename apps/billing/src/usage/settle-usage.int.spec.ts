import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chargeOf, priceOfWire, UnpricedUnitError } from '#libs/catalog';
import { type Usage, usageUnits, type WirePrice } from '#libs/contracts';
import { createDataSource } from '#libs/persistence';
import { checkLedger } from '../ledger/check-ledger.js';
import { LedgerFixture } from '../ledger/testing/ledger-fixture.js';
import { DeadLetterRetry } from './dead-letter.retry.js';
import { UsageStore } from './usage.store.js';

let fixture: LedgerFixture;

beforeAll(async () => {
  fixture = await LedgerFixture.open();
}, 30_000);
afterAll(() => fixture.close());

const paidOf = async (...rows: Parameters<LedgerFixture['settle']>) => {
  const settled = await fixture.settle(...rows);
  return settled.map(({ chargeNanos, writtenOffNanos }) => [chargeNanos, writtenOffNanos]);
};

async function budgetWindow(budgetId: string): Promise<{ held: bigint; spent: bigint }> {
  const [row] = await fixture.database.query<{ held_nanos: string; spent_nanos: string }[]>(
    'select held_nanos, spent_nanos from budget_windows where budget_id = $1',
    [budgetId],
  );
  return { held: BigInt(row?.held_nanos ?? -1), spent: BigInt(row?.spent_nanos ?? -1) };
}

const captureOf = async (requestId: string) => {
  const rows = await fixture.database.query<Record<string, unknown>[]>(
    `select attempt_id, late, available_nanos, held_nanos, revenue_nanos, writeoff_nanos from ledger_transactions
     where kind = 'capture' and request_id = $1`,
    [requestId],
  );
  return rows;
};

describe('a charge', () => {
  it('below its hold gives the rest back', async () => {
    const organization = await fixture.organization('prepaid', { available: 1_000n });
    const request = await fixture.hold(organization, { nanos: 300 });
    expect(await fixture.account(organization)).toEqual({ available: 700n, held: 300n });
    expect(await paidOf(fixture.row(organization, 120, { request_id: request, held: true }))).toEqual([[120n, 0n]]);
    expect(await fixture.account(organization)).toEqual({ available: 880n, held: 0n });
    expect(await fixture.holdState(request)).toBe('captured');
    expect(await captureOf(request)).toEqual([
      {
        attempt_id: `${request}#1`,
        late: false,
        available_nanos: '180',
        held_nanos: '-300',
        revenue_nanos: '120',
        writeoff_nanos: '0',
      },
    ]);
  });

  it('above its hold takes from the balance, then from the overdraft, and the rest is written off', async () => {
    const organization = await fixture.organization('prepaid', { available: 1_000n, overdraft: 50n });
    const request = await fixture.hold(organization, { nanos: 300 });
    const settled = await fixture.settle(fixture.row(organization, 1_200, { request_id: request, held: true }));
    expect(settled).toEqual([
      {
        attemptId: `${request}#1`,
        inserted: true,
        chargeNanos: 1_050n,
        writtenOffNanos: 150n,
        late: false,
        unknownOrganization: false,
      },
    ]);
    expect(await fixture.account(organization)).toEqual({ available: -50n, held: 0n });
    expect(await captureOf(request)).toMatchObject([
      { available_nanos: '-750', held_nanos: '-300', revenue_nanos: '1200', writeoff_nanos: '-150' },
    ]);
  });

  it('is taken from an extended hold as a whole', async () => {
    const organization = await fixture.organization('prepaid', { available: 500n });
    const request = await fixture.hold(organization, { nanos: 200 });
    await fixture.extend(request, 300);
    expect(await paidOf(fixture.row(organization, 450, { request_id: request }))).toEqual([[450n, 0n]]);
    expect(await fixture.account(organization)).toEqual({ available: 50n, held: 0n });
  });

  it('that nobody can pay is on record in full', async () => {
    const organization = await fixture.organization('prepaid');
    const row = fixture.row(organization, 70);
    expect(await paidOf(row)).toEqual([[0n, 70n]]);
    expect(await captureOf(row.requestId)).toMatchObject([{ revenue_nanos: '70', writeoff_nanos: '-70' }]);
  });

  it('of zero is a record only, and leaves the hold to whoever ends the request', async () => {
    const organization = await fixture.organization('prepaid', { available: 500n });
    const request = await fixture.hold(organization, { nanos: 200 });
    expect(await paidOf(fixture.row(organization, 0, { request_id: request, held: true }))).toEqual([[0n, 0n]]);
    expect(await fixture.holdState(request)).toBe('authorized');
    expect(await fixture.kinds(request)).toEqual(['hold']);
    expect(await fixture.account(organization)).toEqual({ available: 300n, held: 200n });
  });

  it('of a postpaid organization needs no hold and has no floor', async () => {
    const organization = await fixture.organization('postpaid');
    const row = fixture.row(organization, 5_000);
    expect(await paidOf(row)).toEqual([[5_000n, 0n]]);
    expect(await fixture.account(organization)).toEqual({ available: -5_000n, held: 0n });
    expect(await captureOf(row.requestId)).toMatchObject([{ late: false, available_nanos: '-5000', held_nanos: '0' }]);
  });

  it('uses up a postpaid hold too', async () => {
    const organization = await fixture.organization('postpaid');
    const request = await fixture.hold(organization, { nanos: 300 });
    expect(await paidOf(fixture.row(organization, 900, { request_id: request, held: true }))).toEqual([[900n, 0n]]);
    expect(await fixture.account(organization)).toEqual({ available: -900n, held: 0n });
  });

  it('is made at the price of the snapshot, and the record says so', async () => {
    const organization = await fixture.organization('prepaid', { available: 10_000n });
    const price = { input: '1500001', output: '2000000' };
    const request = await fixture.hold(organization, { nanos: 3_000, price });
    const usage = { input: 3, input_cached: 1, output: 2, reasoning: 1 };
    const row = fixture.row(organization, 0, { request_id: request, usage });
    expect(await paidOf(row)).toEqual([[5n + 2n + 4n + 2n, 0n]]); // 4.500003, 1.500001, 4 and 2, each rounded up
    const stored = await fixture.database.query('select price from usage_records where attempt_id = $1', [
      row.attemptId,
    ]);
    expect(stored).toEqual([{ price }]);
  });

  it.each([
    ['knows no such deployment', { upstream_model: 'another' }, {}],
    ['has no price for a unit', { usage: { output: 7 } }, { input: '5000000' }],
  ])('is made at the price of the event where the snapshot %s', async (_what, change, price) => {
    const organization = await fixture.organization('prepaid', { available: 10_000n });
    const request = await fixture.hold(organization, { nanos: 100, price });
    expect(await paidOf(fixture.row(organization, 7, { request_id: request, ...change }))).toEqual([[7n, 0n]]);
  });

  it('of an organization that does not exist is zero, is reported, and blocks no other', async () => {
    const organization = await fixture.organization('postpaid');
    const stray = fixture.row('org_gone', 10);
    const [lost, paid] = await fixture.settle(stray, fixture.row(organization, 10));
    expect(lost).toMatchObject({ inserted: true, chargeNanos: 0n, unknownOrganization: true });
    expect(paid).toMatchObject({ chargeNanos: 10n, unknownOrganization: false });
    expect(await captureOf(stray.requestId)).toEqual([]);
  });
});

describe('the database', () => {
  it('computes charges as the catalog does, to the last digit', async () => {
    let seed = 7;
    const random = (limit: number) => (seed = (seed * 48_271) % 2_147_483_647) % limit;
    const cases = Array.from({ length: 500 }, () => {
      const usage: Usage = { input: random(3_000_000), output: random(2) * (2 ** 53 - 1 - random(1_000)) };
      if (random(2)) Object.assign(usage, { input_cached: random(1_000), reasoning: random(1_000) });
      const price: WirePrice = { input: String(random(10 ** 9)), output: `${random(10 ** 9)}123456789` };
      if (random(2)) Object.assign(price, { input_cached: String(random(1_000)), reasoning: '0' });
      return { usage, price };
    });
    const computed = await fixture.database.query<{ charge: string }[]>(
      `select charge_of_usage((u ->> 'input')::bigint, coalesce((u ->> 'input_cached')::bigint, 0),
         (u ->> 'output')::bigint, coalesce((u ->> 'reasoning')::bigint, 0), c.value -> 'price') as charge
       from jsonb_array_elements($1::jsonb) with ordinality c cross join lateral (select c.value -> 'usage' as u) x
       order by c.ordinality`,
      [JSON.stringify(cases)],
    );
    expect(computed.map(({ charge }) => BigInt(charge))).toEqual(
      cases.map(({ usage, price }) => chargeOf(usage, priceOfWire(price))),
    );
  });
});

describe('a unit without a column of its own', () => {
  it('costs in the database what it costs in the catalog, fallbacks included', async () => {
    let seed = 11;
    const random = (limit: number) => (seed = (seed * 48_271) % 2_147_483_647) % limit;
    const units = [...usageUnits, 'images:1024x1024/high', 'images:hd'] as const;
    const cases = Array.from({ length: 500 }, () => {
      const {
        input = 0,
        input_cached = 0,
        output = 0,
        reasoning = 0,
        ...further
      } = Object.fromEntries(
        units.filter(() => random(2)).map((unit) => [unit, random(3) * random(3_000_000)]),
      ) as Usage;
      const price = Object.fromEntries(
        units.filter(() => random(10)).map((unit) => [unit, `${random(10 ** 9)}${'123456789'.slice(random(9))}`]),
      ) as WirePrice;
      return { tokens: [input, input_cached, output, reasoning], further, price };
    });
    const computed = await fixture.database.query<{ charge: string | null }[]>(
      `select charge_of_usage((t ->> 0)::bigint, (t ->> 1)::bigint, (t ->> 2)::bigint, (t ->> 3)::bigint,
         nullif(c.value -> 'further', '{}'), c.value -> 'price') as charge
       from jsonb_array_elements($1::jsonb) with ordinality c cross join lateral (select c.value -> 'tokens' as t) x
       order by c.ordinality`,
      [JSON.stringify(cases)],
    );
    const expected = cases.map(
      ({ tokens: [input = 0, input_cached = 0, output = 0, reasoning = 0], further, price }) => {
        try {
          return String(chargeOf({ input, input_cached, output, reasoning, ...further }, priceOfWire(price)));
        } catch (error) {
          if (error instanceof UnpricedUnitError) return null;
          throw error;
        }
      },
    );
    expect(computed.map(({ charge }) => charge)).toEqual(expected);
    expect(expected.filter((charge) => charge === null).length).toBeGreaterThan(50);
    expect(expected.filter((charge) => charge !== null).length).toBeGreaterThan(50);
  });

  it('is stored, and paid at the price of the snapshot; what is only measured costs nothing', async () => {
    const organization = await fixture.organization('prepaid', { available: 10_000n });
    const price = { 'images:1024x1024/high': '3000000', input: '1000000' };
    const request = await fixture.hold(organization, { nanos: 5_000, price });
    const row = fixture.row(organization, 0, {
      request_id: request,
      usage: { input: 4, 'images:1024x1024/high': 2, characters: 0 },
      measured: { pixels: 2_097_152 },
      price: { ...price, 'images:1024x1024/high': '9000000' },
    });
    expect(await paidOf(row)).toEqual([[10n, 0n]]);
    const stored = await fixture.database.query(
      'select further_usage, measured_usage, input_tokens, price from usage_records where attempt_id = $1',
      [row.attemptId],
    );
    expect(stored).toEqual([
      {
        further_usage: { 'images:1024x1024/high': 2 },
        measured_usage: { pixels: 2_097_152 },
        input_tokens: '4',
        price,
      },
    ]);
    expect(await fixture.account(organization)).toEqual({ available: 9_990n, held: 0n });
  });

  it('is paid at the price of the event where the snapshot has none for it, and is a letter where the event has none', async () => {
    const organization = await fixture.organization('prepaid', { available: 10_000n });
    const request = await fixture.hold(organization, { nanos: 100 });
    const usage = { characters: 7 };
    const row = fixture.row(organization, 0, { request_id: request, usage, price: { characters: '2000000' } });
    expect(await paidOf(row)).toEqual([[14n, 0n]]);
    expect(() => fixture.row(organization, 0, { usage })).toThrow('the usage counts characters');
  });
});

describe('at the floor', () => {
  it('whoever came first pays first, whether in one batch or in many', async () => {
    const rich = await fixture.organization('prepaid', { available: 1_000n });
    const rows = (organization: string) => [60, 30, 40, 5].map((tokens) => fixture.row(organization, tokens));
    const expected = [
      [60n, 0n],
      [30n, 0n],
      [10n, 30n],
      [0n, 5n],
    ];
    const one = await fixture.organization('prepaid', { available: 100n });
    const mixed = rows(one).flatMap((row) => [row, fixture.row(rich, 10)]);
    const paid = await paidOf(...mixed);
    expect(paid.filter((_, index) => index % 2 === 0)).toEqual(expected);
    expect(paid.filter((_, index) => index % 2 === 1)).toEqual(Array.from({ length: 4 }, () => [10n, 0n]));
    expect(await fixture.account(one)).toEqual({ available: 0n, held: 0n });
    expect(await fixture.account(rich)).toEqual({ available: 960n, held: 0n });
    const many = await fixture.organization('prepaid', { available: 100n });
    for (const [index, row] of rows(many).entries()) expect(await paidOf(row)).toEqual([expected[index]]);
  });

  it('a hold is not eaten by those who come before it, and what it gives back helps those behind', async () => {
    const organization = await fixture.organization('prepaid', { available: 100n });
    const request = await fixture.hold(organization, { nanos: 80 });
    const rows = [
      fixture.row(organization, 50),
      fixture.row(organization, 30, { request_id: request }),
      fixture.row(organization, 45),
    ];
    expect(await paidOf(...rows)).toEqual([
      [20n, 30n],
      [30n, 0n],
      [45n, 0n],
    ]);
    expect(await fixture.account(organization)).toEqual({ available: 5n, held: 0n });
  });
});

describe('a charge that comes late', () => {
  it.each([
    ['was voided', 'void'],
    ['has expired', 'expire'],
  ])('is taken although its hold %s, and only once', async (_what, kind) => {
    const organization = await fixture.organization('prepaid', { available: 100n });
    const request = await fixture.hold(organization, { nanos: 80, expired: kind === 'expire' });
    if (kind === 'void') await fixture.release(request);
    expect(await fixture.account(organization)).toEqual({ available: 100n, held: 0n });
    const row = fixture.row(organization, 130, { request_id: request, held: true });
    const [settled] = await fixture.settle(row);
    expect(settled).toMatchObject({ late: true, chargeNanos: 100n, writtenOffNanos: 30n });
    expect(await fixture.settle(row)).toMatchObject([{ inserted: false, chargeNanos: 0n }]);
    expect(await fixture.holdState(request)).toBe('captured');
    expect(await fixture.kinds(request)).toEqual(['hold', kind, 'capture']);
    expect(await fixture.account(organization)).toEqual({ available: 0n, held: 0n });
  });
});

describe('a request', () => {
  it('is charged once, however often its events come and from whichever witness', async () => {
    const organization = await fixture.organization('prepaid', { available: 1_000n });
    const request = await fixture.hold(organization, { nanos: 300 });
    const worker = fixture.row(organization, 100, { request_id: request });
    const ingress = fixture.row(organization, 90, { request_id: request, witness: 'ingress' });
    const settled = await fixture.settle(worker, ingress, worker);
    expect(settled.map(({ inserted }) => inserted)).toEqual([true, false, false]);
    expect((await fixture.settle(ingress, worker)).some(({ inserted }) => inserted)).toBe(false);
    expect(await fixture.account(organization)).toEqual({ available: 900n, held: 0n });
    expect(await fixture.kinds(request)).toEqual(['hold', 'capture']);
  });

  it('is not charged for a second attempt, in the same batch or later', async () => {
    const organization = await fixture.organization('prepaid', { available: 1_000n });
    const request = await fixture.hold(organization, { nanos: 300 });
    const attempt = (n: number, tokens: number) =>
      fixture.row(organization, tokens, { request_id: request, attempt_id: `${request}#${n}` });
    expect(await paidOf(attempt(1, 0), attempt(2, 50), attempt(3, 60))).toEqual([
      [0n, 0n],
      [50n, 0n],
      [0n, 0n],
    ]);
    expect(await paidOf(attempt(4, 70))).toEqual([[0n, 0n]]);
    expect(await fixture.account(organization)).toEqual({ available: 950n, held: 0n });
    expect(await captureOf(request)).toMatchObject([{ attempt_id: `${request}#2` }]);
  });
});

describe('a budget', () => {
  it('is spent in the window in which the request was held, also by a late charge', async () => {
    const organization = await fixture.organization('prepaid', { available: 1_000n });
    const budget = await fixture.budget(organization, 500n);
    const [prompt, late] = [
      await fixture.hold(organization, { nanos: 200 }),
      await fixture.hold(organization, { nanos: 100 }),
    ];
    // As if it had been held last month.
    await fixture.database.query(`update budget_windows set starts_at = starts_at - interval '1 month'`);
    await fixture.database.query(
      `update holds set budget_windows = array[budget_windows[1] - interval '1 month'] where budget_ids = array[$1]`,
      [budget],
    );
    await fixture.release(late);
    expect(await budgetWindow(budget)).toEqual({ held: 200n, spent: 0n });
    await fixture.settle(fixture.row(organization, 230, { request_id: prompt }));
    expect(await budgetWindow(budget)).toEqual({ held: 0n, spent: 230n });
    await fixture.settle(fixture.row(organization, 40, { request_id: late }));
    expect(await budgetWindow(budget)).toEqual({ held: 0n, spent: 270n });
  });

  it('counts what was paid, not what was written off', async () => {
    const organization = await fixture.organization('prepaid', { available: 100n });
    const budget = await fixture.budget(organization, 500n);
    const request = await fixture.hold(organization, { nanos: 50 });
    await fixture.settle(fixture.row(organization, 140, { request_id: request }));
    expect(await budgetWindow(budget)).toEqual({ held: 0n, spent: 100n });
  });
});

describe('events', () => {
  const deliver = (event: unknown) => ({ subject: 'usage.v1.attempt.finished', event, deliveries: 1 });

  it('that Postgres refuses become letters, block no other, and are charged once they are accepted', async () => {
    const organization = await fixture.organization('postpaid');
    const store = new UsageStore(fixture.database);
    const good = fixture.event(organization, 10);
    // The hold of somebody else's request: refused until someone has looked into it.
    const other = await fixture.organization('prepaid', { available: 100n });
    const request = await fixture.hold(other, { nanos: 20 });
    const strange = fixture.event(organization, 15, { request_id: request });
    const { settlements, deadLetters } = await store.store([deliver(strange), deliver(good)]);
    expect(settlements).toMatchObject([{ attemptId: good.attempt_id, chargeNanos: 10n }]);
    expect(deadLetters).toMatchObject([{ reason: 'postgres: 23514' }]);
    const retry = new DeadLetterRetry(fixture.database);
    expect(await retry.retry()).toBe(0);
    await fixture.database.query(`update dead_letters set payload = $1`, [
      JSON.stringify({ ...strange, organization_id: other }),
    ]);
    expect(await Promise.all([retry.retry(), retry.retry()])).toContain(1);
    expect(await fixture.account(other)).toEqual({ available: 85n, held: 0n });
    expect(await fixture.kinds(request)).toEqual(['hold', 'capture']);
  });

  it('whose connection is cut, so that nobody knows whether they were settled, come again and are charged once', async () => {
    const organization = await fixture.organization('prepaid', { available: 100_000n });
    const killer = await createDataSource(fixture.postgres.url, { applicationName: 'killer' }).initialize();
    const cut = () =>
      killer.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'spec'`);
    let failures = 0;
    try {
      for (let round = 0; round < 12; round++) {
        const rows = Array.from({ length: 100 }, () => fixture.row(organization, 10));
        const [settled] = await Promise.allSettled([fixture.settle(...rows), cut()]);
        if (settled.status === 'rejected') failures += 1;
        // The pool may have kept a connection that is gone.
        while ((await fixture.settle(...rows).catch(() => [])).length === 0) failures += 1;
      }
    } finally {
      await killer.destroy();
    }
    expect(failures).toBeGreaterThan(0);
    expect(await fixture.account(organization)).toEqual({ available: 88_000n, held: 0n });
    const wrong = (await checkLedger(fixture.postgres.url)).filter(
      ({ level, count }) => level === 'violation' && count > 0,
    );
    expect(wrong).toEqual([]);
  });

  it('may be settled by many processes at once, without a deadlock and without a double', async () => {
    const organizations = await Promise.all(
      ['prepaid', 'postpaid', 'prepaid'].map((mode) =>
        fixture.organization(mode as 'prepaid', mode === 'prepaid' ? { available: 1_000n } : {}),
      ),
    );
    const rows = organizations.flatMap((organization) =>
      Array.from({ length: 60 }, () => fixture.row(organization, 20)),
    );
    const shuffled = (seed: number) => rows.toSorted((a, b) => order(a.attemptId, seed) - order(b.attemptId, seed));
    const settled = await Promise.all([1, 2, 3, 4].map((seed) => fixture.settle(...shuffled(seed))));
    expect(settled.flat().filter(({ inserted }) => inserted)).toHaveLength(rows.length);
    expect(await Promise.all(organizations.map((id) => fixture.account(id)))).toEqual([
      { available: 0n, held: 0n },
      { available: -1_200n, held: 0n },
      { available: 0n, held: 0n },
    ]);
  });
});

function order(id: string, seed: number): number {
  return (Number(/\d+/.exec(id)?.[0]) * 7_919 * seed) % 104_729;
}
