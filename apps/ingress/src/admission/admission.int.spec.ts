import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { attemptFinished, inferenceCallHead } from '#libs/contracts';
import { CallError } from '#libs/messaging';
import { openPolicy, type PlayedCall } from '../testing/fake-bus.js';
import { goodBody } from '../testing/http-case.js';
import { RawClient } from '../testing/raw-http.js';
import { startTestIngress, type TestIngress } from '../testing/test-ingress.js';

let ingress: TestIngress;
const exchange = { keepAliveMs: 5_000, stallMs: 300, deadlineMs: 20_000 };

beforeEach(async () => {
  ingress = await startTestIngress({ exchange });
  ingress.bus.usualPolicy = { ...openPolicy, needsHold: true };
});
afterEach(() => ingress.stop());

const post = (changes: object = {}, init: RequestInit = {}): Promise<Response> =>
  fetch(`${ingress.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ingress.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...goodBody, ...changes }),
    ...init,
  });
const stream = { stream: true };
const event = (text: string): string => `data: {"choices":[{"delta":{"content":"${text}"}}]}\n\n`;
const lost = (): CallError => new CallError('peer_lost', 'the worker vanished');
const noteOf = (call: PlayedCall, attempt: number) => ({
  attemptId: `${inferenceCallHead.parse(call.request.head).requestId}#${attempt}`,
  provider: 'acme',
  upstreamModel: 'acme-large',
  price: { input: '150', output: '600' },
  startedAt: 1_767_225_600_000,
});
const headOf = (call: PlayedCall | undefined) => inferenceCallHead.parse(call?.request.head);
const eventsOf = () => ingress.bus.events.map(({ event: published }) => attemptFinished.parse(published));

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Long enough for a release that should not come. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

describe('a request that needs a hold', () => {
  it('is authorized before a worker hears of it, and tells the worker what it may use', async () => {
    let callsBefore = -1;
    ingress.bus.billing.playAuthorize = () => {
      callsBefore = ingress.bus.calls.length;
      return { outcome: 'authorized' };
    };
    const answer = await post({ max_tokens: 100, n: 2 });
    expect(answer.status).toBe(200);
    expect(callsBefore).toBe(0);
    const [item] = ingress.bus.billing.authorized;
    const bytes = JSON.stringify({ ...goodBody, max_tokens: 100, n: 2 }).length;
    expect(item).toMatchObject({
      requestId: answer.headers.get('x-request-id'),
      organizationId: 'org_1',
      projectId: 'proj_1',
      endpoint: 'chat.completions',
      model: 'gpt-test',
      // 1 and 2 nano-dollars a token
      holdNanos: String(Math.ceil(bytes / 2) + 2 * 200),
      idempotency: null,
    });
    expect(ingress.bus.billing.snapshots).toEqual({
      [item!.priceSnapshotId]: {
        model: 'gpt-test',
        prices: { 'acme/gpt-test': { input: '1000000', output: '2000000' } },
      },
    });
    expect(headOf(ingress.bus.calls[0]).hold).toEqual({ outputTokens: 200, extensible: false });
  });

  it('is held and run at the price of its organization', async () => {
    const price = { input: '3000000', output: '5000000' };
    ingress.bus.usualPolicy = { ...openPolicy, needsHold: true, prices: { 'gpt-test': price } };
    await post(stream);
    expect(Object.values(ingress.bus.billing.snapshots)).toEqual([
      { model: 'gpt-test', prices: { 'acme/gpt-test': price } },
    ]);
    const head = headOf(ingress.bus.calls[0]);
    expect(head).toMatchObject({ price, hold: { outputTokens: 1_024, extensible: true } });
    expect(Number(ingress.bus.billing.authorized[0]!.holdNanos)).toBeGreaterThan(5 * 1_024);
  });

  it('whose id was settled before is not run', async () => {
    ingress.bus.billing.playAuthorize = () => ({ outcome: 'settled' });
    const answer = await post();
    expect(answer.status).toBe(500);
    expect(await answer.json()).toMatchObject({ error: { code: 'internal_error' } });
    expect(ingress.bus.calls).toHaveLength(0);
  });

  it('is refused while the ledger is away, and its hold is given back if only the answer was lost', async () => {
    ingress.bus.billing.playAuthorize = () => new CallError('no_responders', 'nobody');
    expect((await post()).status).toBe(503);
    ingress.bus.billing.playAuthorize = () => lost();
    const answer = await post();
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await answer.json()).toMatchObject({ error: { code: 'ledger_unavailable' } });
    expect(ingress.bus.calls).toHaveLength(0);
    await eventually(() => ingress.bus.billing.released.length > 0);
    expect(ingress.bus.billing.released).toEqual([answer.headers.get('x-request-id')]);
  });

  it('whose caller left meanwhile is given back, and nothing is started', async () => {
    let authorize: () => void = () => undefined;
    ingress.bus.billing.playAuthorize = () =>
      new Promise((resolve) => (authorize = () => resolve({ outcome: 'authorized' })));
    const controller = new AbortController();
    const answer = post({}, { signal: controller.signal }).catch(() => undefined);
    await eventually(() => ingress.bus.billing.authorized.length === 1);
    controller.abort();
    await answer;
    await eventually(() => ingress.log.some(({ status }) => status === 499));
    authorize();
    await eventually(() => ingress.bus.billing.released.length === 1);
    expect(ingress.bus.billing.released).toEqual([ingress.bus.billing.authorized[0]!.requestId]);
    expect(ingress.bus.calls).toHaveLength(0);
  });
});

describe('a postpaid request without budget and key', () => {
  it('asks the ledger nothing, whatever becomes of it', async () => {
    ingress.bus.usualPolicy = { ...openPolicy, prices: { 'gpt-test': { input: '7', output: '8' } } };
    ingress.bus.play = (call) => call.sink.onError(lost());
    expect((await post()).status).toBe(502);
    await turn();
    expect(ingress.bus.billing.authorized).toEqual([]);
    expect(ingress.bus.billing.changes).toEqual([]);
    expect(ingress.bus.events).toEqual([]);
    expect(headOf(ingress.bus.calls[0])).toMatchObject({ hold: null, price: { input: '7', output: '8' } });
  });
});

describe('a hold', () => {
  it.each(['no_responders', 'closed', 'deadline', 'remote'] as const)(
    'is given back when nothing was started: %s (row 102)',
    async (reason) => {
      const gateway = { code: 'provider_unavailable', message: 'No provider.' } as const;
      ingress.bus.play = (call) =>
        call.sink.onError(reason === 'remote' ? new CallError(reason, 'x', gateway) : new CallError(reason, 'x'));
      const answer = await post();
      expect(answer.status).toBeGreaterThanOrEqual(500);
      await eventually(() => ingress.bus.billing.released.length > 0);
      expect(ingress.bus.billing.released).toEqual([answer.headers.get('x-request-id')]);
      expect(ingress.bus.events).toEqual([]);
    },
  );

  it.each([
    ['ended', (call: PlayedCall) => call.answer({})],
    ['failed', (call: PlayedCall) => call.sink.onError(new CallError('remote', 'x'))],
    ['took too long', (call: PlayedCall) => call.sink.onError(new CallError('deadline', 'x'))],
  ])('is the worker’s to end once an attempt was noted: it %s', async (_what, end) => {
    ingress.bus.play = (call) => {
      call.sink.onNote?.(noteOf(call, 1));
      end(call);
    };
    await post();
    await turn();
    expect(ingress.bus.billing.changes).toEqual([]);
  });

  it('is given back when the caller leaves before a worker took the call, and not after', async () => {
    for (const noted of [false, true]) {
      ingress.bus.billing.changes.length = 0;
      ingress.bus.calls.length = 0;
      ingress.bus.play = (call) => (noted ? call.sink.onNote?.(noteOf(call, 1)) : undefined);
      const controller = new AbortController();
      const answer = post({}, { signal: controller.signal }).catch(() => undefined);
      await eventually(() => ingress.bus.calls.length === 1);
      await turn();
      controller.abort();
      await answer;
      await eventually(() => ingress.bus.calls[0]?.cancelled === 'client_closed');
      await turn();
      expect(ingress.bus.billing.released).toHaveLength(noted ? 0 : 1);
    }
    const [call] = ingress.bus.calls;
    call!.sink.onAbandoned?.([]);
    await eventually(() => ingress.bus.billing.released.length === 1);
    expect(eventsOf()).toMatchObject([{ outcome: 'worker_lost', usage_source: 'none', held: true }]);
  });

  it('is given back once when every worker was lost, and every attempt number ends in an event', async () => {
    ingress.bus.play = (call) => {
      if (ingress.bus.calls.length === 2) call.sink.onNote?.(noteOf(call, 2));
      call.sink.onError(lost());
    };
    const answer = await post();
    expect(answer.status).toBe(502);
    const id = answer.headers.get('x-request-id');
    await eventually(() => ingress.bus.billing.released.length > 0);
    await turn();
    expect(ingress.bus.billing.released).toEqual([id]);
    expect(eventsOf()).toMatchObject(
      [
        { attempt_id: `${id}#1`, provider: 'unknown', price: {} },
        { attempt_id: `${id}#2`, provider: 'acme' },
        { attempt_id: `${id}#3`, provider: 'unknown', upstream_model: 'gpt-test' },
      ].map((attempt) => ({ ...attempt, outcome: 'worker_lost', usage_source: 'none', usage: {}, held: true })),
    );
  });

  it('is kept while another worker is asked, whose attempts count on', async () => {
    ingress.bus.play = (call) => {
      if (ingress.bus.calls.length > 1) {
        call.sink.onNote?.(noteOf(call, 3));
        call.answer({});
        return;
      }
      for (const attempt of [1, 2]) call.sink.onNote?.(noteOf(call, attempt));
      call.sink.onError(lost());
    };
    const answer = await post();
    expect(answer.status).toBe(200);
    const id = answer.headers.get('x-request-id');
    expect(eventsOf().map(({ attempt_id }) => attempt_id)).toEqual([`${id}#1`, `${id}#2`]);
    expect(headOf(ingress.bus.calls[1])).toMatchObject({ attemptsMade: 2, hold: { extensible: false } });
    await turn();
    expect(ingress.bus.billing.changes).toEqual([]);
  });

  it('is charged, not given back, when content had been delivered', async () => {
    ingress.bus.play = (call) => {
      call.sink.onNote?.(noteOf(call, 1));
      call.openStream();
      call.data(event('a'));
      setTimeout(() => call.sink.onError(lost()), 20);
    };
    await (await post(stream)).text();
    await turn();
    expect(eventsOf()).toMatchObject([{ content_delivered: true, held: true, usage: { output: 1 } }]);
    expect(ingress.bus.billing.changes).toEqual([]);
  });
});

describe('the cost of an answer in one piece', () => {
  it('is passed on, for browsers too', async () => {
    ingress.bus.play = (call) => {
      const headers = { 'content-type': 'application/json', 'x-modapi-cost-nano-usd': '1234' };
      call.sink.onHead({ status: 200, headers });
      call.data('{}');
      call.sink.onEnd({});
    };
    const headers = {
      authorization: `Bearer ${ingress.key}`,
      'content-type': 'application/json',
      origin: 'https://a.test',
    };
    const answer = await post({}, { headers });
    expect(answer.headers.get('x-modapi-cost-nano-usd')).toBe('1234');
    expect(answer.headers.get('access-control-expose-headers')).toContain('x-modapi-cost-nano-usd');
  });
});

describe('row 44: two Idempotency-Keys', () => {
  it('are refused, even equal ones', async () => {
    const body = JSON.stringify(goodBody);
    const client = await RawClient.open(ingress.port);
    client.send(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ingress.key}\r\nContent-Type: application/json\r\nIdempotency-Key: a\r\nIdempotency-Key: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const answer = await client.answer();
    expect(answer.status).toBe(400);
    expect(answer.body).toContain('invalid_idempotency_key');
    expect(ingress.bus.billing.authorized).toEqual([]);
    client.close();
  });
});
