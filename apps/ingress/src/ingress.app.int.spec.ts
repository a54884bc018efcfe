import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { endpoints, organizationRoutes } from '#libs/contracts';
import { DrainState } from './http/drain.state.js';
import { ModelCatalog } from './models/model-catalog.js';
import { goodBody } from './testing/http-case.js';
import { RawClient } from './testing/raw-http.js';
import { mediaModels } from './testing/media-models.js';
import { startTestIngress, type TestIngress } from './testing/test-ingress.js';

let ingress: TestIngress;
let authorization: string;
beforeAll(async () => {
  ingress = await startTestIngress();
  authorization = `Bearer ${ingress.key}`;
});
afterAll(() => ingress.stop());

const get = (path: string, headers: Record<string, string> = { authorization }) =>
  fetch(ingress.url + path, { headers });

const mediaModelIds = mediaModels.map(({ id }) => id);

describe('models', () => {
  it('lists what has a price, in OpenAI’s shape', async () => {
    const answer = await get('/v1/models');
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    const { object, data } = (await answer.json()) as { object: string; data: { id: string }[] };
    expect(object).toBe('list');
    expect(data[0]).toEqual({ id: 'gpt-test', object: 'model', created: 1_767_225_600, owned_by: 'acme' });
    expect(data.map(({ id }) => id)).toEqual(['gpt-test', 'openai/gpt-4o:free', 'only-images', ...mediaModelIds]);
  });

  it.each(['openai/gpt-4o:free', 'openai%2Fgpt-4o:free', 'openai%2fgpt-4o%3Afree'])('finds %s', async (id) => {
    const answer = await get(`/v1/models/${id}?a=b`);
    expect(await answer.json()).toMatchObject({ id: 'openai/gpt-4o:free', object: 'model' });
  });

  it.each(['nope', '..%2F..', 'gpt-test/', "'%20OR%201=1", '%00'])('knows no model %s', async (id) => {
    const answer = await get(`/v1/models/${id}`);
    expect(answer.status).toBe(404);
    const { error } = (await answer.json()) as { error: { message: string } };
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model', type: 'invalid_request_error' });
    expect(error.message).toMatch(/does not exist/);
  });
});

describe('open routes', () => {
  it('are these and no others', async () => {
    const fastify = ingress.app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
    const printed = fastify.printRoutes({ commonPrefix: false });
    const routes = [...printed.matchAll(/── (\S+) \(([A-Z, ]+)\)/g)].map(([, path, methods]) => `${methods} ${path}`);
    // As the router prints its tree: `*` is the rest of `/v1/models/`, and of `/v1/media/`, whose links are signed.
    const open = ['GET, HEAD /', 'GET, HEAD healthz', 'GET, HEAD readyz', 'GET, HEAD openapi.json', 'HEAD, GET *'];
    const closed = ['GET, HEAD v1/models', 'GET, HEAD *', ...endpoints.map(({ path }) => `POST ${path.slice(1)}`)];
    // The tree below the management API: its routes are a list, and none of them is open.
    const managed = /^[A-Z, ]+ (v1\/organization.*|\/.+)$/;
    expect(routes.filter((route) => !managed.test(route)).toSorted()).toEqual([...open, ...closed].toSorted());
    for (const { method, path } of organizationRoutes) {
      const url = ingress.url + path.replaceAll(/:\w+/g, 'id');
      expect([path, (await fetch(url, { method })).status]).toEqual([path, 401]);
    }
    for (const path of ['/v1/models', '/v1/models/gpt-test']) expect((await get(path, {})).status).toBe(401);
    for (const { path } of endpoints) {
      expect([path, (await fetch(ingress.url + path, { method: 'POST' })).status]).toEqual([path, 401]);
    }
  });

  it.each(['/', '/healthz', '/readyz', '/openapi.json'])('%s needs no key', async (path) => {
    const answer = await get(path, {});
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(answer.headers.get('x-request-id')).toMatch(/^req_/);
  });

  it('is not ready while the bus is away', async () => {
    ingress.bus.connected = false;
    expect((await get('/readyz', {})).status).toBe(503);
    expect((await get('/healthz', {})).status).toBe(200);
    ingress.bus.connected = true;
    expect((await get('/readyz', {})).status).toBe(200);
  });
});

describe('no way around the key', () => {
  const paths = ['/v1/models', '/v1/models/gpt-test', '/v1/chat/completions', '/nope'].flatMap((path) => [
    path,
    `${path}/`,
    `/${path}`,
    path.toUpperCase(),
    `${path};a=b`,
    `${path}%2f`,
    `/healthz/..${path}`,
    `/healthz%2f..${path}`,
    `http://127.0.0.1${path}`,
    `http://healthz${path}`,
  ]);
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY', 'SEARCH', 'PURGE', 'TRACE'];
  const tricks = ['', 'X-Original-URL: /healthz\r\n', 'X-Rewrite-URL: /healthz\r\n', 'X-HTTP-Method-Override: GET\r\n'];

  it('whatever method, path and header is tried, nobody without a key gets past', async () => {
    ingress.bus.calls.length = 0;
    const { lookups } = ingress.bus;
    for (const method of methods) {
      const client = await RawClient.open(ingress.port);
      const all = paths.flatMap((path) =>
        tricks.map((trick) => `${method} ${path} HTTP/1.1\r\nHost: a\r\n${trick}\r\n`),
      );
      for (const request of all) {
        client.send(request);
        // HEAD has a content length and no body: look at the status line only.
        await client.until((text) => text.includes('\r\n\r\n'));
        const [status] = client.take().split('\r\n');
        expect([request, status]).toEqual([request, expect.stringMatching(/ 40[01] /)]);
      }
      client.close();
    }
    expect(ingress.bus.calls).toHaveLength(0);
    expect(ingress.bus.lookups).toBe(lookups);
  }, 30_000);
});

describe('the log', () => {
  it('has no key, no prompt and no body of anybody', async () => {
    const canary = 'canary-7f3a';
    const headers = { authorization, 'content-type': 'application/json', 'x-canary': canary, cookie: canary };
    const send = (body: string, path = `/v1/chat/completions?q=${canary}`) =>
      fetch(ingress.url + path, { method: 'POST', headers, body });
    ingress.bus.play = (call) => call.answer({ text: canary });
    await send(JSON.stringify({ ...goodBody, messages: [{ role: 'user', content: canary }] }));
    await send(`{"model":"${canary}","messages":[{"role":"user","content":"${canary}"}]}`);
    await send(`{"${canary}":`);
    await send('{}', `/v1/${canary}`);
    await fetch(`${ingress.url}/v1/models`, { headers: { authorization: `Bearer ${canary}` } });
    const text = JSON.stringify(ingress.log);
    expect(ingress.log.length).toBeGreaterThanOrEqual(5);
    expect(text).not.toContain(canary);
    expect(text).not.toContain(ingress.key);
  });
});

describe('an unexpected exception', () => {
  it('row 104: is 500 with a fixed message, told to the log only', async () => {
    jest.spyOn(ingress.app.get(ModelCatalog), 'getFor').mockImplementationOnce(() => {
      throw new TypeError('secret inner state');
    });
    const answer = await fetch(`${ingress.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(goodBody),
    });
    expect(answer.status).toBe(500);
    expect(await answer.json()).toEqual({
      error: {
        message: expect.stringContaining('x-request-id'),
        type: 'server_error',
        param: null,
        code: 'internal_error',
      },
    });
    const line = ingress.log.find(({ level }) => level === 'error');
    expect(line).toMatchObject({ requestId: answer.headers.get('x-request-id'), code: 'internal_error' });
    expect(String(line?.error?.message)).toBe('secret inner state');
  });
});

describe('drain', () => {
  it('row 102: serves for the grace, then refuses; running streams go on', async () => {
    const draining = await startTestIngress({ limits: { drainGraceMs: 300 } });
    const headers = { authorization: `Bearer ${draining.key}`, 'content-type': 'application/json' };
    const post = (changes: object = {}) =>
      fetch(`${draining.url}/v1/chat/completions`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ ...goodBody, ...changes }),
      });
    draining.bus.play = (call) => {
      call.openStream();
      call.sink.onData(Buffer.from('data: 1\n\n'));
    };
    const running = await post({ stream: true });
    draining.app.get(DrainState).begin();
    draining.bus.play = (call) => call.answer({});

    const ready = await fetch(`${draining.url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([503, { status: 'draining' }]);
    const during = await post();
    expect([during.status, during.headers.get('connection')]).toEqual([200, 'close']);
    await new Promise((resolve) => setTimeout(resolve, 350));
    const after = await post();
    expect([after.status, after.headers.get('retry-after'), after.headers.get('connection')]).toEqual([
      503,
      '1',
      'close',
    ]);
    expect(await after.json()).toMatchObject({
      error: { code: 'server_shutting_down', type: 'service_unavailable_error' },
    });
    expect((await fetch(`${draining.url}/healthz`)).status).toBe(200);

    draining.bus.calls[0]!.sink.onData(Buffer.from('data: [DONE]\n\n'));
    draining.bus.calls[0]!.sink.onEnd({});
    expect(await running.text()).toBe('data: 1\n\ndata: [DONE]\n\n');
    await draining.stop();
  });
});
