import { createSecretKey } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type DataSource, IsNull } from 'typeorm';
import {
  type AttemptFinished,
  attemptFinishedSubject,
  digestApiKey,
  generateApiKey,
  type KeyLookupReply,
  keyLookupSubject,
  parseApiKey,
} from '#libs/contracts';
import { type Bus, collectReply, createInProcessBus } from '#libs/messaging';
import {
  ApiKey,
  createDataSource,
  DeadLetter,
  type EmbeddedPostgres,
  Organization,
  startEmbeddedPostgres,
  UsageRecord,
} from '#libs/persistence';
import { type RunningApps, startApps } from '#libs/runtime';
import { billingApp } from './billing.app.js';
import { DeadLetterRetry } from './usage/dead-letter.retry.js';

const pepper = 'a-pepper-of-at-least-thirty-two-characters';
const allButDate = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;
const apiKey = generateApiKey('inference');
const adminKey = generateApiKey('admin');

let dir: string;
let postgres: EmbeddedPostgres;
let bus: Bus;
let consumes: jest.SpiedFunction<Bus['consumeEvents']>;
let apps: RunningApps;
let database: DataSource;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'modapi-billing-'));
  postgres = await startEmbeddedPostgres(join(dir, 'postgres'), { durable: false });
  [bus, apps] = await startBilling();
  database = await createDataSource(postgres.url, { applicationName: 'spec' }).initialize();
}, 30_000);

afterAll(async () => {
  await apps?.stop();
  await database?.destroy();
  await postgres?.stop();
  await rm(dir, { recursive: true, force: true });
});

async function startBilling(keys: Record<string, string> = {}): Promise<[Bus, RunningApps]> {
  const ownBus = createInProcessBus({ eventRetryMs: 20 });
  consumes = jest.spyOn(ownBus, 'consumeEvents');
  const env = {
    LOG_LEVEL: 'error',
    DATABASE_URL: postgres.url,
    MODAPI_KEY_PEPPER: pepper,
    MODAPI_BOOTSTRAP_API_KEY: apiKey,
    MODAPI_BOOTSTRAP_ADMIN_KEY: adminKey,
    ...keys,
  };
  return [ownBus, await startApps([billingApp], { env, bus: () => ownBus })];
}

let requests = 0;
function eventOf(change: Partial<AttemptFinished> = {}): AttemptFinished {
  requests += 1;
  return {
    v: 1,
    type: 'attempt.finished',
    attempt_id: `req_${requests}#1`,
    request_id: `req_${requests}`,
    organization_id: 'org_default',
    project_id: 'proj_default',
    key_id: 'key_1',
    witness: 'worker',
    endpoint: 'chat.completions',
    model: 'sandbox/chat',
    provider: 'sandbox',
    upstream_model: 'sandbox/chat',
    upstream_request_id: null,
    upstream_status: 200,
    outcome: 'done',
    content_delivered: true,
    usage_source: 'provider',
    usage: { input: 10, output: 20 },
    price: { input: '150000000', output: '600000000' },
    held: false,
    started_at: 1_700_000_000_000,
    first_byte_at: 1_700_000_000_500,
    finished_at: 1_700_000_001_000,
    trace_id: null,
    ...change,
  };
}

const publish = (event: object): Promise<void> => bus.publishEvent(attemptFinishedSubject, event);
const recordOf = (attemptId: string) => database.manager.findOneBy(UsageRecord, { attemptId });
const letters = () => database.manager.find(DeadLetter, { order: { createdAt: 'asc' } });

async function lookUp(key: string): Promise<KeyLookupReply> {
  const digest = digestApiKey(key, createSecretKey(pepper, 'utf8'));
  const call = { subject: keyLookupSubject, head: { digest }, body: new Uint8Array(), deadlineMs: 5_000 };
  const { head, trailer } = await collectReply(bus, call);
  expect(head.status).toBe(200);
  return trailer as KeyLookupReply;
}

describe('usage events', () => {
  it('have one consumer per process', () => {
    expect(consumes).toHaveBeenCalledTimes(1);
  });

  it('become records with their charge', async () => {
    const event = eventOf({ usage: { input: 1, input_cached: 1, output: 1, reasoning: 1 } });
    await publish(event);
    expect(await recordOf(event.attempt_id)).toMatchObject({
      requestId: event.request_id,
      chargeNanos: 1_500n, // 150 + 150 + 600 + 600
      price: event.price,
      startedAt: new Date(event.started_at),
    });
  });

  it('count once, in one batch, over batches and from both witnesses', async () => {
    const event = eventOf();
    const late = { ...event, witness: 'ingress' as const, usage: { input: 999 } };
    await Promise.all([publish(event), publish(event), publish(late)]);
    await publish(late);
    const found = await database.manager.findBy(UsageRecord, { attemptId: event.attempt_id });
    expect(found).toEqual([expect.objectContaining({ witness: 'worker', chargeNanos: 13_500n })]);
  });

  it('that nobody can read go to dead_letters, and block no other', async () => {
    const before = (await letters()).length;
    const good = [eventOf(), eventOf()];
    const wrong = { ...eventOf(), v: 2 };
    await Promise.all([publish(good[0]!), publish(wrong), publish({}), publish(good[1]!)]);
    await publish(wrong); // delivered again: still one letter
    for (const event of good) expect(await recordOf(event.attempt_id)).not.toBeNull();
    const found = (await letters()).slice(before);
    expect(found).toHaveLength(2);
    expect(found.find((letter) => letter.reason === 'v: invalid_value')?.payload).toEqual(wrong);
    expect(found[0]).toMatchObject({ subject: attemptFinishedSubject, resolvedAt: null });
  });

  it.each([
    ['a charge beyond bigint', { usage: { input: 9e15 }, price: { input: '9'.repeat(18) } }],
    ['a zero byte', { model: 'a\u0000b' }],
    ['half a surrogate pair', { model: 'a\ud800b' }],
    ['a date beyond the calendar', { finished_at: 9e15 }],
    ['an id too long for an index', { organization_id: randomText(20_000) }],
  ])('that Postgres refuses, such as %s, go to dead_letters, and block no other', async (_what, change) => {
    const bad = eventOf(change);
    const others = [eventOf(), eventOf()];
    await Promise.all([publish(others[0]!), publish(bad), publish(others[1]!)]);
    for (const event of others) expect(await recordOf(event.attempt_id)).not.toBeNull();
    expect(await recordOf(bad.attempt_id)).toBeNull();
    const letter = (await letters()).at(-1);
    expect(letter?.reason).toMatch(/^postgres: [0-9A-Z]{5}$/);
    expect(letter?.payload).toMatchObject({ attempt_id: bad.attempt_id });
  });

  it('wait while Postgres is away, and none is lost', async () => {
    const events = Array.from({ length: 300 }, () => eventOf());
    const { port } = postgres;
    const stored: Promise<void>[] = [];
    for (const [index, event] of events.entries()) {
      stored.push(publish(event));
      if (index === 100) await postgres.stop();
      if (index === 250) postgres = await startEmbeddedPostgres(join(dir, 'postgres'), { durable: false, port });
    }
    await Promise.all(stored);
    const count = await database.manager
      .createQueryBuilder(UsageRecord, 'record')
      .where('record.attemptId in (:...ids)', { ids: events.map((event) => event.attempt_id) })
      .getCount();
    expect(count).toBe(300);
  }, 30_000);
});

describe('dead letters', () => {
  const letterOf = (id: string, payload: unknown) => ({
    id,
    subject: 's',
    payload: payload as object,
    reason: 'r',
    deliveries: 1,
  });

  it('become records once they are understood, each once, and the others stay', async () => {
    const [fresh, known] = [eventOf(), eventOf()];
    await publish(known);
    const letter = database.manager.getRepository(DeadLetter);
    await letter.insert([
      letterOf('dl_fresh', fresh),
      letterOf('dl_known', known),
      letterOf('dl_wrong', { ...eventOf(), v: 3 }),
      letterOf('dl_refused', eventOf({ usage: { input: 9e15 }, price: { input: '9'.repeat(18) } })),
    ]);
    const open = await letter.countBy({ resolvedAt: IsNull() });
    const retries = [new DeadLetterRetry(database), new DeadLetterRetry(database)];
    const resolved = await Promise.all(retries.map((retry) => retry.retry()));
    expect(resolved.reduce((sum, count) => sum + count, 0)).toBe(2);
    expect(await recordOf(fresh.attempt_id)).toMatchObject({ chargeNanos: 13_500n });
    expect(await letter.countBy({ resolvedAt: IsNull() })).toBe(open - 2);
    expect(await letter.findOneBy({ id: 'dl_refused' })).toMatchObject({ resolvedAt: null, triedAt: expect.any(Date) });
    expect(await retries[0]!.retry()).toBe(0);
  });

  it.each([
    ['behind', -3_600_000],
    ['ahead', 3_600_000],
  ])('are tried once per run by a process whose clock is %s', async (_what, offsetMs) => {
    const letter = database.manager.getRepository(DeadLetter);
    const id = `dl_clock_${offsetMs}`;
    // More than one batch: by its own clock, a run ahead of the database would never see the end.
    const many = Array.from({ length: 100 }, (_, index) => letterOf(`${id}_${index}`, { wrong: true }));
    await letter.insert([letterOf(id, { wrong: true }), ...many]);
    const retry = new DeadLetterRetry(database);
    await retry.retry();
    const before = await letter.findOneByOrFail({ id });
    await letter.update({ id }, { payload: eventOf() });
    jest.useFakeTimers({ now: Date.now() + offsetMs, doNotFake: [...allButDate] });
    try {
      expect(await retry.retry()).toBe(1);
    } finally {
      jest.useRealTimers();
    }
    const after = await letter.findOneByOrFail({ id });
    expect(after.triedAt!.getTime()).toBeGreaterThanOrEqual(before.triedAt!.getTime());
    expect(after.resolvedAt).not.toBeNull();
  });
});

function randomText(length: number): string {
  // Not compressible: an index row of one repeated character would fit.
  return Array.from({ length }, () => String.fromCodePoint(0x4e00 + Math.floor(Math.random() * 20_000))).join('');
}

describe('key look-up', () => {
  const update = (change: Partial<ApiKey>) => database.manager.update(ApiKey, { id: parseApiKey(apiKey)!.id }, change);
  const organization = (disabledAt: Date | null) =>
    database.manager.update(Organization, { id: 'org_default' }, { disabledAt });

  it('says whom a key speaks for', async () => {
    expect(await lookUp(apiKey)).toEqual({
      caller: {
        keyId: parseApiKey(apiKey)!.id,
        organizationId: 'org_default',
        projectId: 'proj_default',
        scope: 'inference',
        billingMode: 'postpaid',
        operator: false,
      },
      policy: expect.objectContaining({ needsHold: false }),
      refusal: null,
    });
    expect((await lookUp(adminKey)).caller?.scope).toBe('admin');
  });

  it('knows no other key', async () => {
    expect(await lookUp(generateApiKey('inference'))).toEqual({ caller: null, policy: null, refusal: null });
  });

  it('refuses a key that is expired or revoked, or whose organization is disabled', async () => {
    await update({ expiresAt: new Date(Date.now() - 1_000) });
    expect((await lookUp(apiKey)).refusal).toBe('expired');
    await update({ expiresAt: new Date(Date.now() + 60_000) });
    expect((await lookUp(apiKey)).refusal).toBeNull();
    await organization(new Date());
    expect((await lookUp(apiKey)).refusal).toBe('organization_disabled');
    await organization(null);
    await update({ revokedAt: new Date() });
    expect((await lookUp(apiKey)).refusal).toBe('revoked');
    await update({ revokedAt: null, expiresAt: null });
    expect((await lookUp(apiKey)).refusal).toBeNull();
  });

  it('refuses a look-up without a digest', async () => {
    const call = { subject: keyLookupSubject, head: { key: apiKey }, body: new Uint8Array(), deadlineMs: 5_000 };
    await expect(collectReply(bus, call)).rejects.toMatchObject({ reason: 'remote', gateway: { code: 'bad_request' } });
  });
});

describe('a second start', () => {
  it('keeps what is there, records the last use, and stores no key', async () => {
    await lookUp(apiKey);
    await apps.stop();
    const used = await database.manager.findOneByOrFail(ApiKey, { id: parseApiKey(apiKey)!.id });
    expect(used.lastUsedAt?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    [bus, apps] = await startBilling();
    const keys = await database.manager.find(ApiKey);
    expect(keys.map((key) => key.scope).toSorted()).toEqual(['admin', 'inference']);
    expect(await database.manager.count(Organization)).toBe(1);
    const stored = JSON.stringify(keys);
    for (const key of [apiKey, adminKey]) expect(stored).not.toContain(key.slice(-30));
    expect((await lookUp(apiKey)).refusal).toBeNull();
  });

  it('with another pepper makes the bootstrap key work again, but not a revoked one', async () => {
    await apps.stop();
    await database.manager.update(ApiKey, { id: parseApiKey(adminKey)!.id }, { revokedAt: new Date() });
    await database.query(`update api_keys set digest = 'of another pepper ' || id`);
    [bus, apps] = await startBilling();
    expect((await lookUp(apiKey)).refusal).toBeNull();
    expect((await lookUp(adminKey)).refusal).toBe('revoked');
  });

  it('refuses a database that it may not use, in one line', async () => {
    const url = new URL(postgres.url);
    url.password = 'wrong';
    await expect(startBilling({ DATABASE_URL: url.href })).rejects.toThrow(
      /^DATABASE_URL: cannot use Postgres at 127\.0\.0\.1:\d+ \(password authentication failed/,
    );
  });
});
