import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuthorizeItem, HoldChange } from '#libs/contracts';
import { HoldExpirer } from './hold-expirer.js';
import type { LedgerWriter } from './ledger-writer.js';
import { PrivateLedger, tally } from './testing/private-ledger.js';

let ledger: PrivateLedger;
let writer: LedgerWriter;
/** Its leases are over before anyone can renew them. */
let brief: LedgerWriter;

beforeAll(async () => {
  ledger = await PrivateLedger.start();
  writer = await ledger.writer();
  brief = await ledger.writer(0);
}, 60_000);

afterAll(async () => {
  await ledger?.stop();
});

afterEach(async () => {
  expect(await ledger.brokenLaws()).toEqual([]);
});

const limitMs = 20_000;
const change = (item: HoldChange): Promise<boolean> => writer.change(item, limitMs);
const extend = (requestId: string, step: number, nanos: number): Promise<boolean> =>
  change({ kind: 'extend', requestId, step, nanos: String(nanos) });
const release = (requestId: string): Promise<boolean> => change({ kind: 'release', requestId });
const intent = (requestId: string, n: number): Promise<boolean> =>
  change({ kind: 'intent', requestId, attemptId: `${requestId}#${n}`, provider: 'p', upstreamModel: 'm' });

async function hold(organizationId: string, nanos: number, by: LedgerWriter = writer): Promise<string> {
  const wanted = ledger.wanted(organizationId, { nanos });
  expect(await by.authorize(wanted, limitMs)).toEqual({ outcome: 'authorized' });
  return wanted.item.requestId;
}

/** Charges 30 nano-dollars for each; under its lock the settlement meets every other function of the ledger. */
async function settle(items: readonly AuthorizeItem[]): Promise<void> {
  const now = new Date();
  const records = items.map((item) => ({
    ...{ attempt_id: `${item.requestId}#1`, request_id: item.requestId, organization_id: item.organizationId },
    ...{ project_id: item.projectId, key_id: item.keyId, witness: 'worker', endpoint: item.endpoint, model: 'm' },
    ...{ provider: 'p', upstream_model: 'm', outcome: 'done', content_delivered: true, usage_source: 'provider' },
    ...{ input_tokens: 30_000_000, input_cached_tokens: 0, output_tokens: 0, reasoning_tokens: 0 },
    ...{ price: { input: '1', output: '1' }, charge_nanos: 30, started_at: now, finished_at: now },
  }));
  await ledger.database.query('select from ledger_settle($1)', [JSON.stringify(records)]);
}

async function expire(lease = '0 seconds'): Promise<string[]> {
  const sql = 'select id from ledger_expire($1, 100) as id';
  return (await ledger.database.query<{ id: string }[]>(sql, [lease])).map(({ id }) => id);
}

describe('an extension', () => {
  it('takes more money once per step', async () => {
    const organization = await ledger.organization(100);
    const id = await hold(organization, 10);
    expect(await Promise.all([extend(id, 1, 20), extend(id, 1, 20), extend(id, 2, 30)])).toEqual([true, true, true]);
    expect(await extend(id, 1, 20)).toBe(true);
    expect(await ledger.accountOf(organization)).toEqual([40, 60]);
  });

  it('is refused beyond the balance or the budget, and takes nothing then', async () => {
    const organization = await ledger.organization(100);
    const id = await hold(organization, 10);
    expect(await extend(id, 1, 91)).toBe(false);
    expect(await extend(id, 1, 90)).toBe(true);
    const limited = await ledger.organization(100);
    await ledger.budget(limited, limited, 'day', 50);
    const other = await hold(limited, 10);
    expect(await Promise.all([extend(other, 1, 41), extend(other, 2, 40), extend(other, 3, 1)])).toEqual([
      false,
      true,
      false,
    ]);
    expect(await ledger.accountOf(limited)).toEqual([50, 50]);
  });

  it('is granted to a running call whose organization was disabled: what runs finishes', async () => {
    const organization = await ledger.organization(100);
    const id = await hold(organization, 10);
    await ledger.database.query('update organizations set disabled_at = now() where id = $1', [organization]);
    expect(await extend(id, 1, 20)).toBe(true);
  });

  it('is refused to a request that is settled or unknown', async () => {
    const id = await hold(await ledger.organization(100), 10);
    await release(id);
    expect(await extend(id, 1, 1)).toBe(false);
    expect(await extend('req_unknown', 1, 1)).toBe(false);
  });

  it('races with others for the last of the money', async () => {
    const organization = await ledger.organization(70);
    const ids = await Promise.all(Array.from({ length: 50 }, () => hold(organization, 1)));
    const granted = await Promise.all(ids.map((id) => extend(id, 1, 2)));
    expect(granted.filter(Boolean)).toHaveLength(10);
    expect(await ledger.accountOf(organization)).toEqual([0, 70]);
  });
});

describe('a release', () => {
  it('gives everything back, extensions and budgets included, once', async () => {
    const organization = await ledger.organization(100);
    await ledger.budget(organization, organization, 'total', 50);
    const id = await hold(organization, 10);
    await extend(id, 1, 40);
    expect(await Promise.all([release(id), release(id)])).toEqual([true, true]);
    expect([await ledger.stateOf(id), await ledger.accountOf(organization)]).toEqual(['voided', [100, 0]]);
    expect(await hold(organization, 50)).toBeDefined();
  });

  it('of an unknown request is refused', async () => {
    expect(await release('req_unknown')).toBe(false);
  });

  it('is obeyed in its order among the other changes of a batch', async () => {
    const organization = await ledger.organization(10);
    const id = await hold(organization, 10);
    const renew = (): Promise<boolean> => change({ kind: 'renew', requestId: id });
    expect(await Promise.all([renew(), release(id), renew(), intent(id, 2)])).toEqual([true, true, false, false]);
  });
});

describe('an intent', () => {
  it('is on record once', async () => {
    const id = await hold(await ledger.organization(null), 10);
    expect([await intent(id, 2), await intent(id, 2), await intent(id, 3)]).toEqual([true, true, true]);
    const rows = await ledger.database.query(
      'select attempt_id from attempt_intents where request_id = $1 order by attempt_id',
      [id],
    );
    expect(rows).toEqual([{ attempt_id: `${id}#2` }, { attempt_id: `${id}#3` }]);
  });

  it('is refused once the hold has expired', async () => {
    const id = await hold(await ledger.organization(10), 10, brief);
    expect(await expire()).toEqual([id]);
    expect(await intent(id, 2)).toBe(false);
  });

  it('is granted after the charge: what is paid for is answered, should its worker have died before', async () => {
    const wanted = ledger.wanted(await ledger.organization(100), { nanos: 50 });
    await writer.authorize(wanted, limitMs);
    await settle([wanted.item]);
    expect(await intent(wanted.item.requestId, 2)).toBe(true);
    expect(await extend(wanted.item.requestId, 1, 1)).toBe(false);
  });
});

describe('a lease', () => {
  it('that nobody renews ends, and the money is free again, once', async () => {
    const organization = await ledger.organization(100);
    await ledger.budget(organization, organization, 'month', 10);
    const [lost, kept] = [await hold(organization, 4, brief), await hold(organization, 6)];
    const ended = await Promise.all([expire(), expire(), expire()]);
    expect(ended.flat()).toEqual([lost]);
    expect([await ledger.stateOf(lost), await ledger.stateOf(kept)]).toEqual(['expired', 'authorized']);
    expect(await ledger.accountOf(organization)).toEqual([94, 6]);
    expect(await release(lost)).toBe(true);
    expect(await ledger.stateOf(lost)).toBe('expired');
  });

  it('ends while another session rolls usage up: neither job waits for the other', async () => {
    const lost = await hold(await ledger.organization(10), 4, brief);
    const runner = ledger.database.createQueryRunner();
    await runner.startTransaction();
    try {
      expect(await runner.query('select roll_up_usage(1) as taken')).toEqual([{ taken: expect.any(Number) }]);
      expect(await expire()).toEqual([lost]);
    } finally {
      await runner.rollbackTransaction();
      await runner.release();
    }
  });

  it('that is renewed goes on, and is never shortened', async () => {
    const id = await hold(await ledger.organization(null), 1, brief);
    expect(await change({ kind: 'renew', requestId: id })).toBe(true);
    expect(await brief.change({ kind: 'renew', requestId: id }, limitMs)).toBe(true);
    expect(await expire()).toEqual([]);
    const [row] = await ledger.database.query<{ left: number }[]>(
      'select extract(epoch from expires_at - now())::float as left from holds where request_id = $1',
      [id],
    );
    expect(row?.left).toBeGreaterThan(50);
  });

  it('does not end soon after a start of Postgres, when nobody could renew', async () => {
    const id = await hold(await ledger.organization(null), 1, brief);
    expect(await expire('1 hour')).toEqual([]);
    const silent = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };
    const guarded = new HoldExpirer(ledger.database, { MODAPI_HOLD_LEASE_SECONDS: 600 }, silent);
    expect(await guarded.expire()).toBe(0);
    const expirer = new HoldExpirer(ledger.database, { MODAPI_HOLD_LEASE_SECONDS: 0 }, silent);
    expect(await expirer.expire()).toBe(1);
    expect(await ledger.stateOf(id)).toBe('expired');
  });
});

describe('everything at once', () => {
  it('over two connections neither deadlocks nor loses a nano-dollar', async () => {
    const organizations = await Promise.all(Array.from({ length: 8 }, () => ledger.organization(5_000)));
    for (const id of organizations) await ledger.budget(id, id, 'day', 4_000);
    const runs = Array.from({ length: 400 }, async (_, n) => {
      const by = n % 2 === 0 ? writer : brief;
      const wanted = ledger.wanted(organizations[n % 8] ?? '', { nanos: 60 + (n % 50) });
      const result = await by.authorize(wanted, limitMs);
      const requestId = wanted.item.requestId;
      const steps = [
        by.change({ kind: 'extend', requestId, step: 1, nanos: '25' }, limitMs),
        n % 5 === 0 ? expire() : Promise.resolve(true),
        n % 3 === 0 ? by.change({ kind: 'release', requestId }, limitMs) : settle([wanted.item]),
      ];
      await Promise.all(steps);
      return result;
    });
    const counts = tally(await Promise.all(runs));
    expect((counts['authorized'] ?? 0) + (counts['budget_exceeded'] ?? 0)).toBe(400);
    // A writer that was chosen as the victim of a deadlock tries again, and nobody would notice.
    expect(await readFile(ledger.postgres.logFile, 'utf8')).not.toContain('deadlock detected');
  });
});
