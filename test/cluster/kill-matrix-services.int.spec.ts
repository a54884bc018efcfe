import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { KillRig, type Tenant, until } from '../support/kill-rig.js';
import type { WatchedCall, WatchedCallOptions } from '../support/kill-rig-call.js';
import { bookKeeping, expectRightBooks, oneCharged, oneFree } from '../support/kill-rig-expectations.js';

/** As in `kill-matrix.int.spec.ts`. One fault hits calls in every stage at once, as in life. */
let rig: KillRig;

// A cell may wait for a lease, or for an event to come again.
jest.setTimeout(60_000);

beforeAll(async () => {
  rig = await KillRig.start();
}, 180_000);

afterAll(async () => {
  await rig?.stop();
});

const expectBooks = bookKeeping(() => rig);

type Stage = 'A' | 'B' | 'C' | 'D' | 'E' | 'F';

interface Cell {
  readonly tenant: Tenant;
  readonly call: WatchedCall;
}

const longStream = { stream: true, prompt: 'Answer in 60 words.' };

/** A call that has reached the upstream, of a tenant of its own. */
async function startedCell(name: string, model: string, options: Partial<WatchedCallOptions> = {}): Promise<Cell> {
  const tenant = await rig.tenant(name);
  return { tenant, call: await rig.startedCall(tenant, model, options) };
}

async function streamingCell(name: string, model: string, options: Partial<WatchedCallOptions>): Promise<Cell> {
  const tenant = await rig.tenant(name);
  const call = rig.call(tenant, model, options);
  await call.firstContent;
  return { tenant, call };
}

/** Its answer is out, its usage in JetStream, and its capture waits until the account is let go. */
async function uncapturedCell(name: string): Promise<Cell & { letGo: () => Promise<void> }> {
  const { tenant, call } = await startedCell(name, 'sandbox/slow');
  const account = await rig.holdAccount(tenant);
  expect((await call.answer).status).toBe(200);
  return { tenant, call, letGo: () => account.letGo() };
}

/** Its hold waits in Postgres until the account is let go. */
async function unauthorizedCell(name: string): Promise<Cell & { letGo: () => Promise<void> }> {
  const tenant = await rig.tenant(name);
  const account = await rig.holdAccount(tenant);
  const call = rig.call(tenant, 'sandbox/chat');
  await rig.billingWaitingIn('ledger_authorize');
  return { tenant, call, letGo: () => account.letGo() };
}

const holdOf = (tenant: Tenant, state: string) =>
  until(
    () => rig.books(tenant),
    ({ holds }) => holds[0] === state,
    30_000,
  );

describe('K nats', () => {
  let at: Record<Exclude<Stage, 'A'>, Cell>;

  beforeAll(async () => {
    await rig.healthy();
    const uncaptured = await uncapturedCell('nats/F');
    const streaming = await streamingCell('nats/D', 'sandbox/slow-stream', longStream);
    const silent = await startedCell('nats/C', 'sandbox/hang', { stream: true });
    const ended = rig.upstreamCalls('ended', 'sandbox/slow');
    const finished = await startedCell('nats/E', 'sandbox/slow');
    const unauthorized = await unauthorizedCell('nats/B');
    at = { B: unauthorized, C: silent, D: streaming, E: finished, F: uncaptured };
    rig.services.nats.freeze();
    await rig.upstream('ended', 'sandbox/slow', ended);
    await rig.services.nats.kill();
    await Promise.all([unauthorized.letGo(), uncaptured.letGo(), rig.services.nats.startAgain()]);
  });

  it('K nats/B: the caller is told to retry, and the hold ends; or the request is let in by its id', async () => {
    const { status } = await at.B.call.answer;
    expect([200, 503]).toContain(status);
    if (status === 200) await expectBooks(at.B.tenant, oneCharged('#1 done provider worker paid'));
    else await expectBooks(at.B.tenant, ...endedHolds);
  });

  it('K nats/C: the call is cut, free, and the caller told to retry', async () => {
    expect((await at.C.call.answer).status).toBe(503);
    const witnesses = ['#1 worker_lost none ingress free', '#1 client_abort none worker free'];
    await expectBooks(at.C.tenant, ...witnesses.map(oneFree));
  });

  it('K nats/D: the stream ends with an in-band error, and what was delivered is paid once', async () => {
    const { status, text } = await at.D.call.answer;
    expect([status, text.includes('upstream_interrupted'), text.includes('[DONE]')]).toEqual([200, true, false]);
    const witnesses = ['#1 worker_lost estimated ingress paid', '#1 client_abort counted worker paid'];
    await expectBooks(at.D.tenant, ...witnesses.map(oneCharged));
  });

  it('K nats/E: usage is published again: one record, by the witness that is stored first', async () => {
    expect((await at.E.call.answer).status).toBe(503);
    await expectBooks(
      at.E.tenant,
      oneCharged('#1 done provider worker paid'),
      oneFree('#1 worker_lost none ingress free'),
    );
  });

  it('K nats/F: what was stored is captured once', async () => {
    await expectBooks(at.F.tenant, oneCharged('#1 done provider worker paid'));
  });
});

const endedHolds = ['voided', 'expired'].map((state) => ({ holds: [state], attempts: [], upstream: [], captures: 0 }));

describe('K nats gone', () => {
  let at: Record<Exclude<Stage, 'E' | 'F'>, Cell>;

  beforeAll(async () => {
    await rig.healthy();
    const streaming = await streamingCell('nats gone/D', 'sandbox/slow-stream', longStream);
    const silent = await startedCell('nats gone/C', 'sandbox/hang', { stream: true });
    const tenant = await rig.tenant('nats gone/A');
    const unauthorized = await unauthorizedCell('nats gone/B');
    await rig.services.nats.kill();
    await unauthorized.letGo();
    const late = { tenant, call: rig.call(tenant, 'sandbox/chat') };
    at = { A: late, B: unauthorized, C: silent, D: streaming };
    await Promise.all(Object.values(at).map(({ call }) => call.answer));
    await holdOf(at.B.tenant, 'expired');
    await rig.services.nats.startAgain();
    await rig.healthy();
  });

  it('K nats gone/A: 503 with Retry-After, nothing is held, and later calls are answered', async () => {
    const { status, headers } = await at.A.call.answer;
    expect([status, Number(headers['retry-after'])]).toEqual([503, 2]);
    expect((await rig.books(at.A.tenant)).holds).toEqual([]);
    expect((await rig.call(at.A.tenant, 'sandbox/chat').answer).status).toBe(200);
    await expectBooks(at.A.tenant, oneCharged('#1 done provider worker paid'));
  });

  it('K nats gone/B: 503, and the hold expires without NATS', async () => {
    expect((await at.B.call.answer).status).toBe(503);
    await expectBooks(at.B.tenant, { holds: ['expired'], attempts: [], upstream: [], captures: 0 });
  });

  it('K nats gone/C: 503, and free', async () => {
    expect((await at.C.call.answer).status).toBe(503);
    const witnesses = ['#1 worker_lost none ingress free', '#1 client_abort none worker free'];
    // Nobody could renew or release it: it may have expired.
    await expectBooks(
      at.C.tenant,
      ...witnesses.map(oneFree),
      ...witnesses.map((witness) => ({ ...oneFree(witness), holds: ['expired'] })),
    );
  });

  it('K nats gone/D: an in-band error, and what was delivered is paid when NATS is back', async () => {
    const { status, text } = await at.D.call.answer;
    expect([status, text.includes('upstream_interrupted'), text.includes('[DONE]')]).toEqual([200, true, false]);
    const witnesses = ['#1 worker_lost estimated ingress paid', '#1 client_abort counted worker paid'];
    await expectBooks(at.D.tenant, ...witnesses.map(oneCharged));
  });
});

describe('K postgres', () => {
  let at: Record<Stage, Cell>;

  beforeAll(async () => {
    await rig.healthy();
    const tenant = await rig.tenant('postgres/A');
    const uncaptured = await uncapturedCell('postgres/F');
    const unauthorized = await unauthorizedCell('postgres/B');
    const ingress = await rig.ingressOf(unauthorized.call);
    rig.freeze(ingress);
    await unauthorized.letGo();
    await holdOf(unauthorized.tenant, 'authorized');
    await rig.kill(ingress);
    await rig.healthy();
    const streamed = await startedCell('postgres/C', 'sandbox/slow', { stream: true });
    const whole = await startedCell('postgres/E', 'sandbox/slow');
    const options = { stream: true, prompt: 'Answer in 3000 words.' };
    const long = await streamingCell('postgres/D', 'sandbox/chat', options);
    await rig.services.postgres.kill();
    const late = { tenant, call: rig.call(tenant, 'sandbox/chat') };
    at = { A: late, B: unauthorized, C: streamed, D: long, E: whole, F: uncaptured };
    await Promise.all(Object.values(at).map(({ call }) => call.answer));
    await uncaptured.letGo();
    await rig.services.postgres.startAgain();
  });

  it('K postgres/A: 503 ledger_unavailable with Retry-After 2, and calls are answered when it is back', async () => {
    const { status, text, headers } = await at.A.call.answer;
    expect([status, headers['retry-after']]).toEqual([503, '2']);
    expect(text).toContain('"code":"ledger_unavailable"');
    await rig.healthy();
    expect((await rig.books(at.A.tenant)).holds).toEqual([]);
    expect((await rig.call(at.A.tenant, 'sandbox/chat').answer).status).toBe(200);
    await expectBooks(at.A.tenant, oneCharged('#1 done provider worker paid'));
  });

  it('K postgres/B: a hold that nobody knows of expires when Postgres has been back for a while', async () => {
    await expectBooks(at.B.tenant, { holds: ['expired'], attempts: [], upstream: [], captures: 0 });
  });

  it('K postgres/C: the call runs on, and is charged when it is back', async () => {
    expect((await at.C.call.answer).text).toMatch(/data: \[DONE\]\s*$/);
    await expectBooks(at.C.tenant, oneCharged('#1 done provider worker paid'));
  });

  it('K postgres/D: the stream runs on until its hold is used up, and ends with length and an in-band error', async () => {
    const { status, text } = await at.D.call.answer;
    expect([status, text.includes('"finish_reason":"length"'), text.includes('[DONE]')]).toEqual([200, true, false]);
    expect(text).toContain('ledger_unavailable');
    await expectBooks(at.D.tenant, oneCharged('#1 balance_stop counted worker paid'));
  });

  it('K postgres/E: the answer goes out, and its usage waits in JetStream', async () => {
    expect((await at.E.call.answer).status).toBe(200);
    await expectBooks(at.E.tenant, oneCharged('#1 done provider worker paid'));
  });

  it('K postgres/F: what was stored is captured when it is back', async () => {
    await expectBooks(at.F.tenant, oneCharged('#1 done provider worker paid'));
  });

  it('K postgres/G: dies with billing after the commit: the event comes again, and changes nothing', async () => {
    await rig.healthy();
    const { tenant, letGo } = await uncapturedCell('postgres/G');
    const billing = await rig.billingWaitingIn('ledger_settle');
    rig.freeze(billing);
    await letGo();
    await until(
      () => rig.books(tenant),
      ({ captures }) => captures === 1,
    );
    await Promise.all([rig.kill(billing), rig.services.postgres.kill()]);
    await rig.services.postgres.startAgain();
    await rig.healthy();
    await expectBooks(tenant, oneCharged('#1 done provider worker paid'));
  });
});

describe('K afterwards', () => {
  it('K afterwards: every invariant of the ledger holds, and no books have moved', () => expectRightBooks(rig));
});
