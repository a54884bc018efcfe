import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type AuthorizeResult,
  authorizeSubject,
  GatewayError,
  holdChangesSubject,
  idempotencyFetchSubject,
  type IdempotencyStoreRequest,
  idempotencyStoreSubject,
} from '#libs/contracts';
import { type Bus, CallError, collectReply, type CollectedReply, createInProcessBus } from '#libs/messaging';
import { type RunningApps, startApps } from '#libs/runtime';
import { billingApp } from '../billing.app.js';
import { HoldExpirer } from './hold-expirer.js';
import type { LedgerWriter, WantedHold } from './ledger-writer.js';
import { PrivateLedger, tally } from './testing/private-ledger.js';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };
const limitMs = 20_000;
const fingerprint = 'f'.repeat(43);

let ledger: PrivateLedger;
let writers: readonly [LedgerWriter, LedgerWriter];
let bus: Bus;
let apps: RunningApps;
let organization: string;

beforeAll(async () => {
  ledger = await PrivateLedger.start();
  writers = [await ledger.writer(), await ledger.writer()];
  organization = await ledger.organization(1_000);
  bus = createInProcessBus({});
  const env = { LOG_LEVEL: 'error', DATABASE_URL: ledger.postgres.url, MODAPI_KEY_PEPPER: 'p'.repeat(32) };
  apps = await startApps([billingApp], { env, bus: () => bus });
}, 60_000);

afterAll(async () => {
  await apps?.stop();
  await ledger?.stop();
});

afterEach(async () => {
  expect(await ledger.brokenLaws()).toEqual([]);
});

let keys = 0;
const newKey = (): string => `key ${++keys}`;
const keyed = (key: string, print = fingerprint): WantedHold =>
  ledger.wanted(organization, { idempotency: { key, fingerprint: print } });
const authorize = (wanted: WantedHold, by = writers[0]): Promise<AuthorizeResult> => by.authorize(wanted, limitMs);
const release = (requestId: string): Promise<boolean> => writers[0].change({ kind: 'release', requestId }, limitMs);

async function claimed(key: string): Promise<string> {
  const wanted = keyed(key);
  expect(await authorize(wanted)).toEqual({ outcome: 'authorized' });
  return wanted.item.requestId;
}

const call = (subject: string, head: object, body: Uint8Array = Buffer.alloc(0)): Promise<CollectedReply> =>
  collectReply(bus, { subject, head, body, deadlineMs: limitMs });
const nameOf = (key: string): object => ({ organizationId: organization, endpoint: 'chat.completions', key });
const stored = { status: 200, headers: { 'content-type': 'application/json' } };
const store = (key: string, requestId: string, body: Buffer | null): Promise<CollectedReply> => {
  const answer: IdempotencyStoreRequest['answer'] = body === null ? null : stored;
  return call(idempotencyStoreSubject, { ...nameOf(key), requestId, answer }, body ?? Buffer.alloc(0));
};
const age = (key: string, interval: string): Promise<unknown> =>
  ledger.database.query(`update idempotency_keys set created_at = now() - $2::interval where key = $1`, [
    key,
    interval,
  ]);
const capture = (requestId: string, secondsAgo: number): Promise<unknown> =>
  ledger.database.query(
    `with ended as (
       update holds set state = 'captured', settled_at = now() - make_interval(secs => $2) where request_id = $1
       returning request_id, organization_id, held_nanos
     ), paid as (
       insert into ledger_transactions (kind, ref, organization_id, request_id, held_nanos, revenue_nanos)
       select 'capture', request_id, organization_id, request_id, -held_nanos, held_nanos from ended
     )
     update ledger_accounts a set held_nanos = a.held_nanos - e.held_nanos from ended e
     where a.organization_id = e.organization_id`,
    [requestId, secondsAgo],
  );

describe('an Idempotency-Key', () => {
  it('that comes 50 times at once runs once', async () => {
    const key = newKey();
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, n) => authorize(keyed(key), writers[n % 2 === 0 ? 0 : 1])),
    );
    expect(tally(results)).toEqual({ authorized: 1, idempotency_in_progress: 49 });
  });

  it('belongs to one body, one endpoint and one organization', async () => {
    const key = newKey();
    await claimed(key);
    expect(await authorize(keyed(key, 'g'.repeat(43)))).toEqual({ outcome: 'idempotency_key_reused' });
    const elsewhere = ledger.wanted(organization, { endpoint: 'embeddings', idempotency: { key, fingerprint } });
    const others = ledger.wanted(await ledger.organization(5), { idempotency: { key, fingerprint } });
    expect(tally([await authorize(elsewhere), await authorize(others)])).toEqual({ authorized: 2 });
  });

  it('is claimed once by the same request, however often it asks', async () => {
    const wanted = keyed(newKey());
    expect(tally([await authorize(wanted), await authorize(wanted)])).toEqual({ authorized: 2 });
  });

  it('is not claimed by a request without money', async () => {
    const key = newKey();
    const dear = ledger.wanted(organization, { nanos: 1_000_000, idempotency: { key, fingerprint } });
    expect(await Promise.all([authorize(dear), authorize(keyed(key, 'g'.repeat(43)))])).toEqual([
      { outcome: 'insufficient_quota' },
      { outcome: 'authorized' },
    ]);
  });

  it('is free again after a request that charged nothing', async () => {
    const key = newKey();
    const first = await claimed(key);
    await release(first);
    const second = await claimed(key);
    await store(key, first, Buffer.from('of the first'));
    expect(await authorize(keyed(key))).toEqual({ outcome: 'idempotency_in_progress' });
    await store(key, second, Buffer.from('of the second'));
    expect((await call(idempotencyFetchSubject, nameOf(key))).body.toString()).toBe('of the second');
  });

  it('waits ten seconds for the answer of a request that was charged', async () => {
    const key = newKey();
    const id = await claimed(key);
    await capture(id, 5);
    expect(await authorize(keyed(key))).toEqual({ outcome: 'idempotency_in_progress' });
    await ledger.database.query(`update holds set settled_at = now() - interval '11 s' where request_id = $1`, [id]);
    expect(await authorize(keyed(key))).toEqual({ outcome: 'idempotency_result_not_stored' });
  });

  it('is forgotten after 24 hours, by the next request or by the hourly cleaning', async () => {
    const [old, young] = [newKey(), newKey()];
    await claimed(old);
    await claimed(young);
    await age(old, '24 hours 1 second');
    await age(young, '23 hours 59 minutes');
    expect(await authorize(keyed(young))).toEqual({ outcome: 'idempotency_in_progress' });
    expect(await authorize(keyed(old, 'g'.repeat(43)))).toEqual({ outcome: 'authorized' });
    await age(old, '25 hours');
    const expirer = new HoldExpirer(ledger.database, { MODAPI_HOLD_LEASE_SECONDS: 60 }, silent);
    expect(await expirer.forgetKeys()).toBe(1);
    expect(await expirer.forgetKeys()).toBe(0);
  });
});

describe('an answer', () => {
  it('of half a megabyte is given again byte by byte, with status and headers', async () => {
    const key = newKey();
    const body = Buffer.alloc(512 * 1024, 'é');
    await store(key, await claimed(key), body);
    expect(await authorize(keyed(key))).toEqual({ outcome: 'replay' });
    const reply = await call(idempotencyFetchSubject, nameOf(key));
    expect(reply.head).toEqual(stored);
    expect(reply.body.equals(body)).toBe(true);
  });

  it('that is too large is said to be so', async () => {
    const key = newKey();
    await store(key, await claimed(key), null);
    expect(await authorize(keyed(key))).toEqual({ outcome: 'idempotency_result_not_stored' });
  });

  it('beyond 64 MB of one organization is not kept, and said to be too large', async () => {
    organization = await ledger.organization(1_000);
    await ledger.database.query(
      `insert into idempotency_keys (organization_id, endpoint, key, fingerprint, request_id, state, body)
       select $1, 'e', n, 'f', n, 'stored', convert_to(repeat('x', 1048576), 'UTF8') from generate_series(1, 63) n`,
      [organization],
    );
    const [large, larger, small] = [newKey(), newKey(), newKey()];
    await store(large, await claimed(large), Buffer.alloc(1_000_000));
    await store(larger, await claimed(larger), Buffer.alloc(1_000_000));
    await store(small, await claimed(small), Buffer.alloc(1_000));
    expect(await authorize(keyed(large))).toEqual({ outcome: 'replay' });
    expect(await authorize(keyed(larger))).toEqual({ outcome: 'idempotency_result_not_stored' });
    expect(await authorize(keyed(small))).toEqual({ outcome: 'replay' });
    organization = await ledger.organization(1_000);
    const elsewhere = newKey();
    await store(elsewhere, await claimed(elsewhere), Buffer.alloc(1_000_000));
    expect(await authorize(keyed(elsewhere))).toEqual({ outcome: 'replay' });
  });

  it('of another request is not stored, nor a second one', async () => {
    const key = newKey();
    const id = await claimed(key);
    await store(key, 'req_other', Buffer.from('wrong'));
    expect(await authorize(keyed(key))).toEqual({ outcome: 'idempotency_in_progress' });
    await store(key, id, Buffer.from('right'));
    await store(key, id, null);
    expect((await call(idempotencyFetchSubject, nameOf(key))).body.toString()).toBe('right');
  });

  it('that is not there is an error with advice', async () => {
    const fetched = call(idempotencyFetchSubject, nameOf('never used'));
    await expect(fetched).rejects.toMatchObject({ gateway: { code: 'idempotency_result_not_stored' } });
  });
});

describe('billing over the bus', () => {
  const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));

  it('authorizes and changes holds', async () => {
    const { item, snapshot } = ledger.wanted(organization);
    const body = json({ items: [item], snapshots: { [item.priceSnapshotId]: snapshot } });
    const reply = await call(authorizeSubject, {}, body);
    expect(JSON.parse(reply.body.toString())).toEqual({ results: [{ outcome: 'authorized' }] });
    const items = ['renew', 'release', 'renew'].map((kind) => ({ kind, requestId: item.requestId }));
    const changed = await call(holdChangesSubject, {}, json({ items }));
    expect(JSON.parse(changed.body.toString())).toEqual({ granted: [true, true, false] });
  });

  it('refuses what it cannot read', async () => {
    const { item } = ledger.wanted(organization);
    for (const body of [Buffer.from('{'), json({ items: [] }), json({ items: [item], snapshots: {} })]) {
      const refused = await call(authorizeSubject, {}, body).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(CallError);
      expect((refused as CallError).gateway?.code).toMatch(/^(invalid_json|bad_request)$/);
    }
  });
});

describe('a ledger that is away', () => {
  it('is unavailable, not wrong, and works again afterwards', async () => {
    const own = await PrivateLedger.start();
    const writer = await own.writer();
    const wanted = own.wanted(await own.organization(10));
    try {
      // All connections break, also under a commit: the writer asks again with the same ids.
      const asked = Array.from({ length: 40 }, () => writer.authorize(wanted, limitMs));
      await own.database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'writer'`,
      );
      expect(tally(await Promise.all(asked))).toEqual({ authorized: 40 });
      expect(await writer.authorize(wanted, limitMs)).toEqual({ outcome: 'authorized' });
      await own.postgres.stop();
      const error = await writer.authorize(own.wanted('org_1'), limitMs).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(GatewayError);
      expect(error).toMatchObject({ code: 'ledger_unavailable', retryAfterSeconds: 2, status: 503 });
    } finally {
      await own.stop();
    }
  }, 60_000);
});
