import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { KillRig, type Tenant, until } from '../support/kill-rig.js';
import { bookKeeping, expectRightBooks, oneCharged, oneFree } from '../support/kill-rig-expectations.js';
import type { HeldAccount } from '../support/kill-rig-books.js';
import type { WatchedCall } from '../support/kill-rig-call.js';
import type { TwinProcess } from '../support/kill-rig-processes.js';

/**
 * Stages: A before the hold is committed, B the hold is committed and nothing dispatched, C dispatched and no content,
 * D streaming, E the upstream has finished and its usage is not stored, F stored and not captured, G captured and not
 * acknowledged.
 */
let rig: KillRig;

// A cell may wait for a lease, or for an event to come again.
jest.setTimeout(60_000);

beforeAll(async () => {
  rig = await KillRig.start();
}, 180_000);

afterAll(async () => {
  await rig?.stop();
});

beforeEach(() => {
  rig.services.nats.thaw(); // a cell that failed may have left it frozen
  return rig.healthy();
});

const expectBooks = bookKeeping(() => rig);

/** A whole answer that its worker has, and that NATS takes no word of until it is thawed. */
async function finishedBehindFrozenNats(tenant: Tenant): Promise<WatchedCall> {
  const before = rig.upstreamCalls('ended', 'sandbox/slow');
  const call = await rig.startedCall(tenant, 'sandbox/slow');
  rig.services.nats.freeze();
  await rig.upstream('ended', 'sandbox/slow', before);
  return call;
}

interface PausedCall {
  readonly tenant: Tenant;
  readonly call: WatchedCall;
  readonly worker: TwinProcess;
}

/** A call whose worker stands still at the stage; other workers get some first. */
async function pausedCall(stage: string, stream: boolean): Promise<PausedCall> {
  const worker = await rig.twinWorker({ MODAPI_PAUSE_AT: stage });
  const paused = until(
    () => worker.output.includes('paused at'),
    (is) => is,
    60_000,
  );
  for (;;) {
    const tenant = await rig.tenant(`worker ${stage}`);
    const call = rig.call(tenant, 'sandbox/chat', { stream, prompt: 'Answer in 10 words.' });
    if (await Promise.race([paused, call.answer.then(() => false)])) return { tenant, call, worker };
  }
}

describe('K client', () => {
  it('K client/B: leaves before the hold is there: it is released, and nothing is called', async () => {
    const tenant = await rig.tenant('client/B');
    const account = await rig.holdAccount(tenant);
    const call = rig.call(tenant, 'sandbox/chat');
    await rig.billingWaitingIn('ledger_authorize');
    await rig.leave(call);
    await account.letGo();
    await expectBooks(tenant, { holds: ['voided'], attempts: [], upstream: [], captures: 0 });
  });

  it('K client/C: leaves before any content: the upstream call is cut, and free', async () => {
    const tenant = await rig.tenant('client/C');
    const call = await rig.startedCall(tenant, 'sandbox/hang', { stream: true });
    call.leave();
    await expectBooks(tenant, oneFree('#1 client_abort none worker free'));
  });

  it('K client/D: leaves in mid-stream: what was delivered is paid', async () => {
    const tenant = await rig.tenant('client/D');
    const call = rig.call(tenant, 'sandbox/slow-stream', { stream: true });
    await call.firstContent;
    call.leave();
    await expectBooks(tenant, oneCharged('#1 client_abort counted worker paid'));
  });

  it('K client/E: leaves after the upstream has finished: the whole answer is paid', async () => {
    const tenant = await rig.tenant('client/E');
    const call = await finishedBehindFrozenNats(tenant);
    await rig.leave(call);
    rig.services.nats.thaw();
    await expectBooks(tenant, oneCharged('#1 done provider worker paid'));
  });
});

describe('K ingress', () => {
  it('K ingress/A: dies while it reads the request: nothing is on record, and a repetition of the key runs', async () => {
    const tenant = await rig.tenant('ingress/A');
    const call = rig.call(tenant, 'sandbox/chat', { idempotencyKey: 'a', halfSent: true });
    await rig.kill(await rig.ingressOf(call));
    expect((await call.answer).status).toBe('broken');
    expect((await rig.books(tenant)).holds).toEqual([]);
    expect((await rig.repeatedCall(tenant, 'sandbox/chat', { idempotencyKey: 'a' })).status).toBe(200);
    await expectBooks(tenant, oneCharged('#1 done provider worker paid'));
  });

  it('K ingress/B: dies when the hold is committed: it expires, and frees the Idempotency-Key', async () => {
    const tenant = await rig.tenant('ingress/B');
    const account = await rig.holdAccount(tenant);
    const call = rig.call(tenant, 'sandbox/chat', { idempotencyKey: 'b' });
    await rig.billingWaitingIn('ledger_authorize');
    await rig.kill(await rig.ingressOf(call));
    await account.letGo();
    expect((await call.answer).status).toBe('broken');
    await until(
      () => rig.books(tenant),
      ({ holds }) => holds.length === 1,
    );
    expect(await rig.repeatedCall(tenant, 'sandbox/chat', { idempotencyKey: 'b' })).toMatchObject({
      status: 409,
      text: expect.stringContaining('idempotency_in_progress'),
    });
    await until(
      () => rig.books(tenant),
      ({ holds }) => holds[0] === 'expired',
    );
    expect((await rig.repeatedCall(tenant, 'sandbox/chat', { idempotencyKey: 'b' })).status).toBe(200);
    const attempts = ['#1 done provider worker paid'];
    await expectBooks(tenant, { holds: ['expired', 'captured'], attempts, upstream: ['#1'], captures: 1 });
  });

  it('K ingress/C: dies before any content: the worker cuts the upstream call, and it is free', async () => {
    const tenant = await rig.tenant('ingress/C');
    const call = await rig.startedCall(tenant, 'sandbox/hang', { stream: true });
    await rig.kill(await rig.ingressOf(call));
    expect((await call.answer).status).toBe('broken');
    await expectBooks(tenant, oneFree('#1 client_abort none worker free'));
  });

  it('K ingress/D: dies in mid-stream: the worker reports what was delivered, and the key does not run again', async () => {
    const tenant = await rig.tenant('ingress/D');
    const options = { stream: true, idempotencyKey: 'd' };
    const call = rig.call(tenant, 'sandbox/slow-stream', options);
    await call.firstContent;
    await rig.kill(await rig.ingressOf(call));
    expect((await call.answer).status).toBe('broken');
    expect((await rig.repeatedCall(tenant, 'sandbox/slow-stream', options)).status).toBe(409);
    await expectBooks(tenant, oneCharged('#1 client_abort counted worker paid'));
    expect((await rig.repeatedCall(tenant, 'sandbox/slow-stream', options)).status).toBe(409);
  });

  it('K ingress/E: dies after the upstream has finished: the worker is witness enough', async () => {
    const tenant = await rig.tenant('ingress/E');
    const call = await finishedBehindFrozenNats(tenant);
    await rig.kill(await rig.ingressOf(call));
    rig.services.nats.thaw();
    expect((await call.answer).status).toBe('broken');
    await expectBooks(tenant, oneCharged('#1 done provider worker paid'));
  });
});

describe('K worker', () => {
  it('K worker/B: dies before it calls the upstream: another one does', async () => {
    const { tenant, call, worker } = await pausedCall('attempt-noted', false);
    await worker.kill();
    expect((await call.answer).status).toBe(200);
    await expectBooks(tenant, {
      holds: ['captured'],
      attempts: ['#1 worker_lost none ingress free', '#2 done provider worker paid'],
      upstream: ['#2'],
      captures: 1,
    });
  });

  it('K worker/C: dies before any content: another one calls again, and only that is paid', async () => {
    const worker = await rig.twinWorker();
    const tenant = await rig.tenant('worker/C');
    const before = rig.upstreamCalls('started', 'sandbox/slow');
    // Each lands on one of two workers: that all miss the one which dies is as likely as eight times heads.
    const calls = Array.from({ length: 8 }, () => rig.call(tenant, 'sandbox/slow', { stream: true }));
    await rig.upstream('started', 'sandbox/slow', before, calls.length);
    await worker.kill();
    for (const { status, text } of await Promise.all(calls.map(({ answer }) => answer))) {
      expect([status, text]).toEqual([200, expect.stringMatching(/data: \[DONE\]\s*$/)]);
    }
    const lost = rig.upstreamCalls('started', 'sandbox/slow') - before - calls.length;
    expect(lost).toBeGreaterThan(0);
    await rig.booksBecome(tenant, ({ attempts }) => attempts.length === calls.length + lost);
    const books = await rig.books(tenant);
    expect(books).toMatchObject({ unknown: 0, held: '0', missing: '0', captures: calls.length });
    expect(new Set(books.holds)).toEqual(new Set(['captured']));
    expect(books.attempts.filter((attempt) => attempt === '#1 worker_lost none ingress free')).toHaveLength(lost);
    expect(books.attempts.filter((attempt) => attempt === '#2 done provider worker paid')).toHaveLength(lost);
  });

  it('K worker/D: dies in mid-stream: the caller is told, and pays what ingress passed on', async () => {
    const { tenant, call, worker } = await pausedCall('streaming', true);
    await call.firstContent;
    await worker.kill();
    const { status, text } = await call.answer;
    expect([status, text.includes('upstream_interrupted'), text.includes('[DONE]')]).toEqual([200, true, false]);
    await expectBooks(tenant, oneCharged('#1 worker_lost estimated ingress paid'));
  });

  it('K worker/E: dies with a whole answer: another one answers, and only that is paid', async () => {
    const { tenant, call, worker } = await pausedCall('upstream-finished', false);
    await worker.kill();
    expect((await call.answer).status).toBe(200);
    await expectBooks(tenant, {
      holds: ['captured'],
      attempts: ['#1 worker_lost none ingress free', '#2 done provider worker paid'],
      upstream: ['#1', '#2'],
      captures: 1,
    });
  });

  it('K worker/E: dies at the end of a stream: the caller pays what ingress passed on', async () => {
    const { tenant, call, worker } = await pausedCall('upstream-finished', true);
    await call.firstContent;
    await worker.kill();
    expect((await call.answer).status).toBe(200);
    await expectBooks(tenant, oneCharged('#1 worker_lost estimated ingress paid'));
  });

  it('K worker/F: dies when its usage is stored: the request is charged once', async () => {
    const { tenant, call, worker } = await pausedCall('usage-stored', false);
    await worker.kill();
    expect(await call.answer).toMatchObject({ status: 200, text: expect.stringContaining('"content"') });
    await expectBooks(tenant, {
      holds: ['captured'],
      attempts: ['#1 done provider worker paid', '#2 done provider worker free'],
      upstream: ['#1', '#2'],
      captures: 1,
    });
  });
});

describe('K worker and ingress', () => {
  it('K worker and ingress/D: die together: the hold expires, and the attempt is listed as unknown', async () => {
    const { tenant, call, worker } = await pausedCall('streaming', true);
    await call.firstContent;
    const ingress = await rig.ingressOf(call);
    await Promise.all([rig.kill(ingress), worker.kill()]);
    expect((await call.answer).status).toBe('broken');
    await expectBooks(tenant, { holds: ['expired'], attempts: [], upstream: ['#1'], unknown: 1, captures: 0 });
    const unknown = (await rig.checkLedger()).find(({ id }) => id === 'N2');
    expect(unknown?.offenders).toContainEqual(expect.objectContaining({ organization_id: tenant.id }));
  });
});

describe('K billing', () => {
  it('K billing/A: dies while it authorizes: ingress asks another one with the same id', () =>
    answeredThough('billing/A', async (_tenant, account) => {
      await rig.kill(await rig.billingWaitingIn('ledger_authorize'));
      await account.letGo();
    }));

  it('K billing/B: dies when it has authorized: the other one finds the hold, and makes no second', () =>
    answeredThough('billing/B', async (tenant, account) => {
      const billing = await rig.billingWaitingIn('ledger_authorize');
      rig.freeze(billing);
      await account.letGo();
      await until(
        () => rig.books(tenant),
        ({ holds }) => holds.length === 1,
      );
      await rig.kill(billing);
    }));

  it('K billing/F: dies before it has captured: the event comes again', async () => {
    const { tenant, call, account } = await callWithHeldCapture('billing/F');
    await rig.kill(await rig.billingWaitingIn('ledger_settle'));
    await rig.nobodyWaitsIn('ledger_settle');
    await account.letGo();
    expect((await call.answer).status).toBe(200);
    await expectBooks(tenant, oneCharged('#1 done provider worker paid'));
  });

  it('K billing/G: dies when it has captured and not acknowledged: the event comes again, and changes nothing', async () => {
    const { tenant, call, account } = await callWithHeldCapture('billing/G');
    const billing = await rig.billingWaitingIn('ledger_settle');
    rig.freeze(billing);
    await account.letGo();
    await until(
      () => rig.books(tenant),
      ({ captures }) => captures === 1,
    );
    await rig.kill(billing);
    expect((await call.answer).status).toBe(200);
    await expectBooks(tenant, oneCharged('#1 done provider worker paid'));
  });
});

/** Expects an answer, and one charge, though billing dies while the call waits for its hold. */
async function answeredThough(name: string, die: (tenant: Tenant, account: HeldAccount) => Promise<void>) {
  for (let tries = 1; ; tries++) {
    const tenant = await rig.tenant(`${name} ${tries}`);
    const account = await rig.holdAccount(tenant);
    const call = rig.call(tenant, 'sandbox/chat');
    await die(tenant, account);
    const { status } = await call.answer;
    if (status === 200) return expectBooks(tenant, oneCharged('#1 done provider worker paid'));
    // On a busy machine all of that may take longer than ingress waits: what it gave up has ended, and it is tried again.
    expect([status, tries < 3]).toEqual([503, true]);
    const nothing = { attempts: [], upstream: [], captures: 0 };
    await expectBooks(tenant, { holds: ['voided'], ...nothing }, { holds: ['expired'], ...nothing });
    await rig.healthy();
  }
}

/** A call that is let in, and whose capture will wait for its account. */
async function callWithHeldCapture(name: string) {
  const tenant = await rig.tenant(name);
  const call = await rig.startedCall(tenant, 'sandbox/slow');
  return { tenant, call, account: await rig.holdAccount(tenant) };
}

describe('K redis', () => {
  it('K redis/A: dies: calls go on, and limits hold in each process by itself', async () => {
    const tenant = await rig.tenant('redis/A');
    const limits = `/organization/projects/${tenant.projectId}/rate_limits`;
    await rig.manage(limits, tenant.adminKey, { body: { model: null, max_requests_per_1_minute: 3 } });
    await rig.services.redis.kill();
    const statuses: (number | string)[] = [];
    // Two processes, three calls each: some of seven are refused, and three at least are not.
    for (let index = 0; index < 7; index++) {
      statuses.push((await rig.call(tenant, 'sandbox/fast').answer).status);
    }
    await rig.services.redis.startAgain();
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    const answered = statuses.filter((status) => status === 200).length;
    expect(answered).toBeGreaterThanOrEqual(3);
    const attempts = Array<string>(answered).fill('#1 done provider worker paid');
    const holds = Array<string>(answered).fill('captured');
    await expectBooks(tenant, { holds, attempts, upstream: Array<string>(answered).fill('#1'), captures: answered });
  });
});

describe('K afterwards', () => {
  it('K afterwards: every invariant of the ledger holds, and no books have moved', () => expectRightBooks(rig));
});
