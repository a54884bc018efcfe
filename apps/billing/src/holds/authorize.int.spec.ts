import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuthorizeResult } from '#libs/contracts';
import type { LedgerWriter, WantedHold } from './ledger-writer.js';
import { PrivateLedger, tally } from './testing/private-ledger.js';

let ledger: PrivateLedger;
let writers: readonly [LedgerWriter, LedgerWriter];

beforeAll(async () => {
  ledger = await PrivateLedger.start();
  writers = [await ledger.writer(), await ledger.writer()];
}, 60_000);

afterAll(async () => {
  await ledger?.stop();
});

afterEach(async () => {
  expect(await ledger.brokenLaws()).toEqual([]);
});

const limitMs = 20_000;
const one = (wanted: WantedHold): Promise<AuthorizeResult> => writers[0].authorize(wanted, limitMs);
const batch = (wanted: readonly WantedHold[]): Promise<AuthorizeResult[]> => Promise.all(wanted.map(one));
/** Half of them through each writer, all at once. */
const racing = (wanted: readonly WantedHold[]): Promise<AuthorizeResult[]> =>
  Promise.all(wanted.map((item, index) => writers[index % 2 === 0 ? 0 : 1].authorize(item, limitMs)));
const times = (count: number, make: () => WantedHold): WantedHold[] => Array.from({ length: count }, make);

describe('a balance', () => {
  it('for exactly 20 requests lets exactly 20 of 200 through', async () => {
    const organization = await ledger.organization(20_000);
    const results = await racing(times(200, () => ledger.wanted(organization, { nanos: 1_000 })));
    expect(tally(results)).toEqual({ authorized: 20, insufficient_quota: 180 });
    expect(await ledger.accountOf(organization)).toEqual([0, 20_000]);
  });

  it('covers the overdraft too, and not one nano-dollar more', async () => {
    const organization = await ledger.organization(100, 50);
    expect(await one(ledger.wanted(organization, { nanos: 151 }))).toEqual({ outcome: 'insufficient_quota' });
    expect(await one(ledger.wanted(organization, { nanos: 150 }))).toEqual({ outcome: 'authorized' });
    expect(await ledger.accountOf(organization)).toEqual([-50, 150]);
  });

  it('is given first come, first served, and a large request that does not fit blocks no smaller one', async () => {
    const organization = await ledger.organization(10);
    const sizes = [6, 5, 4, 1];
    const results = await batch(sizes.map((nanos) => ledger.wanted(organization, { nanos })));
    expect(results.map(({ outcome }) => outcome)).toEqual([
      'authorized',
      'insufficient_quota',
      'authorized',
      'insufficient_quota',
    ]);
  });

  it('of one organization holds up no other in the batch', async () => {
    const [poor, rich, unknown] = [await ledger.organization(1), await ledger.organization(1_000), 'org_nobody'];
    const results = await batch([poor, rich, poor, unknown, rich].map((id) => ledger.wanted(id)));
    expect(results.map(({ outcome }) => outcome)).toEqual([
      'authorized',
      'authorized',
      'insufficient_quota',
      'insufficient_quota',
      'authorized',
    ]);
  });

  it('is not asked for by a postpaid organization, nor by a request that costs nothing', async () => {
    const [postpaid, empty] = [await ledger.organization(null), await ledger.organization(0)];
    const results = await batch([
      ledger.wanted(postpaid, { holdNanos: '999999999999999999' }),
      ledger.wanted(empty, { nanos: 0 }),
    ]);
    expect(tally(results)).toEqual({ authorized: 2 });
    expect(await ledger.accountOf(empty)).toEqual([0, 0]);
  });
});

describe('a request id', () => {
  it('that comes again is authorized again and moves no money', async () => {
    const organization = await ledger.organization(100);
    const wanted = ledger.wanted(organization, { nanos: 60 });
    expect(tally(await racing(times(50, () => wanted)))).toEqual({ authorized: 50 });
    expect(await ledger.accountOf(organization)).toEqual([40, 60]);
  });

  it('that is settled, or belongs to another organization, must not run', async () => {
    const [mine, other] = [await ledger.organization(100), await ledger.organization(100)];
    const wanted = ledger.wanted(mine);
    const stolen = { ...wanted, item: { ...wanted.item, organizationId: other } };
    expect(await batch([wanted, stolen])).toEqual([{ outcome: 'authorized' }, { outcome: 'settled' }]);
    await writers[1].change({ kind: 'release', requestId: wanted.item.requestId }, limitMs);
    expect(await one(wanted)).toEqual({ outcome: 'settled' });
    expect(await ledger.accountOf(mine)).toEqual([100, 0]);
  });

  it('that Postgres cannot store fails alone', async () => {
    const organization = await ledger.organization(100);
    const bad = ledger.wanted(organization, { model: 'nul \u0000' });
    const [first, second, third] = await Promise.allSettled([
      one(ledger.wanted(organization)),
      one(bad),
      one(ledger.wanted(organization)),
    ]);
    expect([first, third].map((result) => result?.status)).toEqual(['fulfilled', 'fulfilled']);
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'internal_error' } });
  });
});

describe('a budget', () => {
  const scopes = [
    ['key', (id: string) => `key_${id}`],
    ['project', (id: string) => `proj_${id}`],
    ['organization', (id: string) => id],
  ] as const;

  for (const [scope, idOf] of scopes) {
    for (const period of ['day', 'month', 'total']) {
      it(`of a ${scope} per ${period} is used up to its last nano-dollar`, async () => {
        const organization = await ledger.organization(null);
        await ledger.budget(organization, idOf(organization), period, 10);
        const sizes = [11, 6, 5, 4, 1, 0];
        const results = await batch(sizes.map((nanos) => ledger.wanted(organization, { nanos })));
        const exceeded = { outcome: 'budget_exceeded', scope };
        const authorized = { outcome: 'authorized' };
        expect(results).toEqual([exceeded, authorized, exceeded, authorized, exceeded, authorized]);
      });
    }
  }

  it('lets exactly 5 of 50 racing requests through', async () => {
    const organization = await ledger.organization(1_000_000);
    await ledger.budget(organization, `key_${organization}`, 'day', 500);
    const results = await racing(times(50, () => ledger.wanted(organization, { nanos: 100 })));
    expect(tally(results)).toEqual({ authorized: 5, budget_exceeded: 45 });
    expect(await ledger.accountOf(organization)).toEqual([999_500, 500]);
  });

  it('names the narrowest scope that is exceeded, and a deleted one limits nothing', async () => {
    const organization = await ledger.organization(null);
    await ledger.budget(organization, organization, 'total', 1);
    const ofKey = await ledger.budget(organization, `key_${organization}`, 'month', 1);
    const wanted = () => one(ledger.wanted(organization, { nanos: 2 }));
    expect(await wanted()).toEqual({ outcome: 'budget_exceeded', scope: 'key' });
    await ledger.database.query('update budgets set deleted_at = now() where id = $1', [ofKey]);
    expect(await wanted()).toEqual({ outcome: 'budget_exceeded', scope: 'organization' });
  });

  it('counts by UTC days and months', async () => {
    const organization = await ledger.organization(null);
    for (const period of ['day', 'month', 'total']) await ledger.budget(organization, organization, period, 10);
    await ledger.database.query(`set time zone 'Asia/Kathmandu'`);
    await one(ledger.wanted(organization));
    const rows = await ledger.database.query<{ right: boolean }[]>(
      `select w.starts_at = case b.period when 'total' then to_timestamp(0)
         else date_trunc(b.period, now() at time zone 'UTC') at time zone 'UTC' end as right
       from budget_windows w join budgets b on b.id = w.budget_id where b.organization_id = $1`,
      [organization],
    );
    expect(rows).toEqual([{ right: true }, { right: true }, { right: true }]);
  });
});

describe('authorize', () => {
  it('stores each price snapshot once', async () => {
    const organizations = [await ledger.organization(null), await ledger.organization(null)];
    const wanted = organizations.flatMap((id) => times(20, () => ledger.wanted(id, { priceSnapshotId: 'snapshot_x' })));
    expect(tally(await racing(wanted))).toEqual({ authorized: 40 });
    const rows = await ledger.database.query(`select model, prices from price_snapshots where id = 'snapshot_x'`);
    expect(rows).toEqual([{ ...ledger.snapshot }]);
  });

  it('ends the lease by the clock of the database', async () => {
    const wanted = ledger.wanted(await ledger.organization(null));
    await one(wanted);
    const rows = await ledger.database.query(
      `select expires_at - authorized_at = interval '60 seconds' as exact from holds where request_id = $1`,
      [wanted.item.requestId],
    );
    expect(rows).toEqual([{ exact: true }]);
  });
});
