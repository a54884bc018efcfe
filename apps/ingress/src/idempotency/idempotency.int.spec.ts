import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { inferenceCallHead, maxStoredAnswerBytes } from '#libs/contracts';
import { CallError } from '#libs/messaging';
import type { PlayedCall } from '../testing/fake-bus.js';
import { goodBody } from '../testing/http-case.js';
import { startTestIngress, type TestIngress } from '../testing/test-ingress.js';

let ingress: TestIngress;

beforeEach(async () => {
  ingress = await startTestIngress();
});
afterEach(() => ingress.stop());

const post = (changes: object = {}, key = 'a-key', token = ingress.key): Promise<Response> =>
  fetch(`${ingress.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ ...goodBody, ...changes }),
  });
const stream = { stream: true };
const event = (text: string): string => `data: {"choices":[{"delta":{"content":"${text}"}}]}\n\n`;
const done = 'data: [DONE]\n\n';
const note = (call: PlayedCall) => ({
  attemptId: `${inferenceCallHead.parse(call.request.head).requestId}#1`,
  provider: 'acme',
  upstreamModel: 'm',
  price: {},
  startedAt: 1,
});

/** A worker's answer, after its note. */
function answer(call: PlayedCall, contentType: string, ...pieces: string[]): void {
  call.sink.onNote?.(note(call));
  const headers = { 'content-type': contentType, 'x-modapi-provider': 'acme', 'x-modapi-upstream-request-id': 'up_1' };
  call.sink.onHead({ status: 200, headers });
  for (const piece of pieces) call.data(piece);
  call.sink.onEnd({ attempts: 1, provider: 'acme' });
}

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
const failure = (code: 'upstream_rejected' | 'upstream_rate_limited' | 'upstream_error') =>
  new CallError('remote', 'x', { code, message: 'No.' });

describe('an Idempotency-Key', () => {
  it('is claimed with the body it came with, also by an organization that needs no hold', async () => {
    await post();
    await post({ temperature: 1 });
    await post({}, 'other');
    const claims = ingress.bus.billing.authorized.map(({ idempotency }) => idempotency);
    expect(claims.map((claim) => claim?.key)).toEqual(['a-key', 'a-key', 'other']);
    expect(claims[0]?.fingerprint).not.toBe(claims[1]?.fingerprint);
    expect(claims[0]?.fingerprint).toBe(claims[2]?.fingerprint);
    expect(inferenceCallHead.parse(ingress.bus.calls[0]!.request.head).hold).not.toBeNull();
  });

  it('claims nothing for a request that is refused before', async () => {
    expect((await post({ model: 'nope' })).status).toBe(404);
    expect(ingress.bus.billing.authorized).toEqual([]);
    expect(ingress.bus.billing.stored).toEqual([]);
  });

  it('row 47: of one organization is nothing to another', async () => {
    ingress.bus.play = (call) => answer(call, 'application/json', '{"a":1}');
    await post();
    const other = ingress.addKey();
    const [digest, caller] = [...ingress.bus.callers].at(-1)!;
    ingress.bus.callers.set(digest, { ...caller, organizationId: 'org_2' });
    expect((await post({}, 'a-key', other)).status).toBe(200);
    expect(ingress.bus.billing.authorized.map(({ organizationId }) => organizationId)).toEqual(['org_1', 'org_2']);
    expect(ingress.bus.billing.stored.map(({ head }) => [head.organizationId, head.key])).toEqual([
      ['org_1', 'a-key'],
      ['org_2', 'a-key'],
    ]);
    expect(ingress.bus.calls).toHaveLength(2);
  });
});

describe('an answer with an Idempotency-Key', () => {
  it('in one piece is stored before it is sent', async () => {
    ingress.bus.play = (call) => answer(call, 'application/json', '{"text":"', 'grün"}');
    let store: () => void = () => undefined;
    ingress.bus.billing.playStore = () => new Promise((resolve) => (store = resolve));
    let sent = false;
    const sending = post().then((response) => {
      sent = true;
      return response;
    });
    await eventually(() => ingress.bus.billing.stored.length === 1);
    await turn();
    expect(sent).toBe(false);
    store();
    const response = await sending;
    expect(await response.text()).toBe('{"text":"grün"}');
    expect(response.headers.get('idempotent-replayed')).toBeNull();
    expect(ingress.bus.billing.stored).toEqual([
      {
        head: {
          organizationId: 'org_1',
          endpoint: 'chat.completions',
          key: 'a-key',
          requestId: response.headers.get('x-request-id'),
          answer: { status: 200, headers: { 'content-type': 'application/json', 'x-modapi-provider': 'acme' } },
        },
        body: '{"text":"grün"}',
      },
    ]);
    await turn();
    expect(ingress.bus.billing.changes).toEqual([]);
  });

  it('as a stream flows at once, and ends when it is stored', async () => {
    ingress.bus.play = (call) => answer(call, 'text/event-stream', event('a'), event('b'), done);
    let store: () => void = () => undefined;
    ingress.bus.billing.playStore = () => new Promise((resolve) => (store = resolve));
    const reader = (await post(stream)).body!.getReader();
    const all = event('a') + event('b') + done;
    let got = '';
    while (got.length < all.length) got += Buffer.from((await reader.read()).value!).toString();
    expect(got).toBe(all);
    const end = reader.read();
    await eventually(() => ingress.bus.billing.stored.length === 1);
    store();
    expect((await end).done).toBe(true);
    expect(ingress.bus.billing.stored).toMatchObject([
      { head: { answer: { status: 200, headers: { 'content-type': 'text/event-stream' } } }, body: all },
    ]);
  });

  it.each([
    ['a whole one', {}, 'application/json', 'x'.repeat(70_000)],
    ['a stream', stream, 'text/event-stream', `data: ${'x'.repeat(70_000)}\n\n`],
  ])('larger than what is kept is marked so: %s', async (_what, changes, contentType, piece) => {
    const pieces = Array.from({ length: Math.ceil(maxStoredAnswerBytes / piece.length) + 1 }, () => piece);
    ingress.bus.play = (call) => answer(call, contentType, ...pieces, done);
    const response = await post(changes);
    expect((await response.text()).length).toBeGreaterThan(maxStoredAnswerBytes);
    expect(ingress.bus.billing.stored).toMatchObject([{ head: { answer: null }, body: '' }]);
  });

  it('between the buffer and that limit is stored whole', async () => {
    ingress.bus.play = (call) => answer(call, 'application/json', 'a'.repeat(60_000), 'b'.repeat(60_000));
    expect(await (await post()).text()).toHaveLength(120_000);
    expect(ingress.bus.billing.stored[0]?.body).toBe('a'.repeat(60_000) + 'b'.repeat(60_000));
  });

  it('that broke off is not stored: in-band by the worker, or by its loss', async () => {
    const inBand = 'data: {"error":{"code":"upstream_error"}}\n\n';
    ingress.bus.play = (call) => answer(call, 'text/event-stream', event('data: [DONE]'), inBand);
    expect(await (await post(stream)).text()).toContain(inBand);
    ingress.bus.play = (call) => {
      call.sink.onNote?.(note(call));
      call.openStream();
      call.data(event('a'));
      setTimeout(() => call.sink.onError(new CallError('peer_lost', 'x')), 20);
    };
    expect(await (await post(stream)).text()).toContain('upstream_interrupted');
    expect(ingress.bus.billing.stored).toEqual([]);
  });

  it('is stored as an error only if a repetition would get the same', async () => {
    ingress.bus.play = (call) => {
      call.sink.onNote?.(note(call));
      call.sink.onError(failure('upstream_rejected'));
    };
    const refused = await post();
    expect(refused.status).toBe(400);
    expect(ingress.bus.billing.stored).toMatchObject([
      { head: { answer: { status: 400, headers: { 'content-type': 'application/json; charset=utf-8' } } } },
    ]);
    expect(ingress.bus.billing.stored[0]?.body).toBe(await refused.text());
    ingress.bus.play = (call) =>
      call.sink.onError(failure(ingress.bus.calls.length === 2 ? 'upstream_rate_limited' : 'upstream_error'));
    expect((await post()).status).toBe(429);
    expect((await post()).status).toBe(502);
    expect(ingress.bus.billing.stored).toHaveLength(1);
  });

  it('that cannot be stored is given all the same', async () => {
    ingress.bus.billing.playStore = () => new CallError('no_responders', 'nobody');
    ingress.bus.play = (call) => answer(call, 'application/json', '{}');
    expect(await (await post()).text()).toBe('{}');
    expect(ingress.log).toContainEqual(
      expect.objectContaining({ level: 'error', message: expect.stringMatching(/not stored/) }),
    );
  });

  it('whose caller leaves while it is stored harms nothing', async () => {
    ingress.bus.play = (call) => answer(call, 'application/json', '{}');
    let store: () => void = () => undefined;
    ingress.bus.billing.playStore = () => new Promise((resolve) => (store = resolve));
    const controller = new AbortController();
    const sending = fetch(`${ingress.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ingress.key}`,
        'content-type': 'application/json',
        'idempotency-key': 'a-key',
      },
      body: JSON.stringify(goodBody),
      signal: controller.signal,
    }).catch(() => undefined);
    await eventually(() => ingress.bus.billing.stored.length === 1);
    controller.abort();
    await sending;
    await eventually(() => ingress.log.some(({ status }) => status === 499));
    store();
    ingress.bus.billing.playStore = () => undefined;
    expect((await post()).status).toBe(200);
  });
});

describe('a repetition', () => {
  beforeEach(() => {
    ingress.bus.billing.playAuthorize = () => ({ outcome: 'replay' });
  });

  it('gets the stored answer under its own request id, and no worker is called', async () => {
    const headers = { 'content-type': 'application/json', 'x-modapi-provider': 'acme', 'x-modapi-cost-nano-usd': '7' };
    ingress.bus.billing.playFetch = () => ({ status: 200, headers, body: '{"text":"grün"}' });
    const response = await post();
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('{"text":"grün"}');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      ...headers,
      'idempotent-replayed': 'true',
      'content-length': '16',
      'x-request-id': ingress.bus.billing.authorized[0]!.requestId,
      'openai-version': '2020-10-01',
    });
    expect(ingress.bus.billing.fetched).toEqual([
      { organizationId: 'org_1', endpoint: 'chat.completions', key: 'a-key' },
    ]);
    expect(ingress.bus.calls).toHaveLength(0);
    await turn();
    expect(ingress.bus.billing.changes).toEqual([]);
    expect(ingress.bus.billing.stored).toEqual([]);
  });

  it('of a stream gets the stream, of an error the error', async () => {
    const body = event('a') + done;
    ingress.bus.billing.playFetch = () => ({ status: 200, headers: { 'content-type': 'text/event-stream' }, body });
    const streamed = await post(stream);
    expect(streamed.headers.get('content-type')).toBe('text/event-stream');
    expect(streamed.headers.get('cache-control')).toBe('no-cache');
    expect(await streamed.text()).toBe(body);
    ingress.bus.billing.playFetch = () => ({
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: '{"error":{}}',
    });
    expect((await post()).status).toBe(400);
  });

  it('that cannot be fetched is told to retry', async () => {
    ingress.bus.billing.playFetch = () => new CallError('no_responders', 'nobody');
    const response = await post();
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await response.json()).toMatchObject({ error: { code: 'ledger_unavailable' } });
    expect(ingress.bus.calls).toHaveLength(0);
  });
});
