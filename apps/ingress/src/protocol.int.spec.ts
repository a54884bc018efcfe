import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ErrorCode } from '#libs/contracts';
import { goodBody } from './testing/http-case.js';
import { type RawAnswer, RawClient } from './testing/raw-http.js';
import { startTestIngress, type TestIngress } from './testing/test-ingress.js';

const body = JSON.stringify(goodBody);
let ingress: TestIngress;
let authorization: string;

beforeAll(async () => {
  const limits = { bodyBytes: 1024 * 1024, headersMs: 300, requestMs: 600, checkMs: 50 };
  ingress = await startTestIngress({ limits });
  authorization = `Authorization: Bearer ${ingress.key}\r\n`;
});
afterAll(() => ingress.stop());
beforeEach(() => void (ingress.bus.calls.length = 0));

const post = (headers: string, content = body): string =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n${authorization}Content-Type: application/json\r\n${headers}\r\n${content}`;
const get = (path: string, headers: string): string => `GET ${path} HTTP/1.1\r\n${headers}\r\n`;
const lengthOf = (content: string): string => `Content-Length: ${Buffer.byteLength(content)}\r\n`;

function expectError(answer: RawAnswer, status: number, code: ErrorCode): void {
  const { error } = JSON.parse(answer.body) as { error: object };
  expect({ status: answer.status, error }).toEqual({
    status,
    error: { message: expect.any(String), type: expect.any(String), param: null, code },
  });
  expect(answer.headers['x-request-id']).toMatch(/^req_[0-9a-f]{32}$/);
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
}

async function exchange(bytes: string | Buffer): Promise<{ answer: RawAnswer; client: RawClient }> {
  const client = await RawClient.open(ingress.port);
  client.send(bytes);
  return { answer: await client.answer(), client };
}

/** One error answer, and the connection is closed by the server with nothing behind it. */
async function expectErrorAndEnd(bytes: string | Buffer, status: number, code: ErrorCode): Promise<void> {
  const { answer, client } = await exchange(bytes);
  expectError(answer, status, code);
  expect(await client.closed()).toBe('');
  expect(ingress.bus.calls).toHaveLength(0);
}

describe('request line and headers', () => {
  it('row 9: two Authorization headers', async () => {
    const { answer, client } = await exchange(get('/v1/models', `Host: a\r\n${authorization}${authorization}`));
    expectError(answer, 400, 'ambiguous_credentials');
    client.close();
  });

  it.each(['', 'Host: a\r\nHost: b\r\n', 'Host: a b\r\n', 'Host: a/../b\r\n', 'Host: \r\n'])(
    'row 18: Host %j',
    async (host) => {
      const { answer, client } = await exchange(get('/v1/models', host + authorization));
      expectError(answer, 400, 'invalid_host');
      client.close();
    },
  );

  it('row 18: of an absolute URI only the dispatched path counts', async () => {
    const client = await RawClient.open(ingress.port);
    client.send(get('http://evil.test/v1/models', 'Host: a\r\n'));
    expectError(await client.answer(), 401, 'missing_api_key');
    client.send(get('http://evil.test/healthz/../v1/models', `Host: a\r\n${authorization}`));
    expectError(await client.answer(), 404, 'unknown_url');
    client.send(get('http://evil.test/v1/models', `Host: a\r\n${authorization}`));
    expect((await client.answer()).status).toBe(200);
    client.close();
  });

  it('row 17: dot segments lead nowhere', async () => {
    for (const path of ['/healthz/../v1/models', '/%2e%2e/v1/models', '/v1/./models', '*', '/v1/models\\..']) {
      const { answer, client } = await exchange(get(path, `Host: a\r\n${authorization}`));
      expectError(answer, 404, 'unknown_url');
      client.close();
    }
  });

  it('row 19: a URL that does not end', () =>
    expectErrorAndEnd(get(`/${'a'.repeat(20_000)}`, 'Host: a\r\n'), 414, 'uri_too_long'));

  it('row 20: 17 KB of headers', () =>
    expectErrorAndEnd(get('/v1/models', `Host: a\r\nX-A: ${'a'.repeat(17_000)}\r\n`), 431, 'headers_too_large'));

  it('row 20: 101 headers', async () => {
    const headers = Array.from({ length: 100 }, (_, index) => `X-${index}: 1\r\n`).join('');
    const { answer, client } = await exchange(get('/v1/models', `Host: a\r\n${headers}`));
    expectError(answer, 431, 'headers_too_large');
    client.close();
  });

  it.each(['X-A: a\0b\r\n', 'X-A: a\rb\r\n', 'X A: b\r\n', ' X-A: b\r\n', 'X-A\r\n'])('row 67: header %j', (header) =>
    expectErrorAndEnd(get('/v1/models', `Host: a\r\n${authorization}${header}`), 400, 'bad_request'),
  );

  it('row 7: a key with a NUL', () =>
    expectErrorAndEnd(get('/v1/models', 'Host: a\r\nAuthorization: Bearer sk-\0\r\n'), 400, 'bad_request'));

  it.each(['get /v1/models HTTP/1.1', 'GET /v1/models HTTP/3.0', 'GET /v1/models', 'hello'])(
    'row 98: %j',
    async (line) => {
      const { answer, client } = await exchange(`${line}\r\nHost: a\r\n\r\n`);
      expectError(answer, 400, 'bad_request');
      client.close();
    },
  );
});

describe('body framing', () => {
  it('row 34: chunks without end are cut off at the limit', async () => {
    const client = await RawClient.open(ingress.port);
    client.send(post('Transfer-Encoding: chunked\r\n', ''));
    const piece = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(0x10000, 0x20), Buffer.from('\r\n')]);
    for (let sent = 0; sent < 40; sent++) client.send(piece);
    const answer = await client.answer();
    expectError(answer, 413, 'request_too_large');
    expect(answer.headers).toMatchObject({ connection: 'close', 'x-should-retry': 'false' });
    expect(await client.closed()).toBe('');
  });

  it('row 35: a length too small', async () => {
    const { answer, client } = await exchange(post('Content-Length: 10\r\n'));
    expectError(answer, 400, 'bad_request');
    await client.closed();
    expect(ingress.bus.calls).toHaveLength(0);
  });

  it('row 35: a length too large', () =>
    expectErrorAndEnd(post(`Content-Length: ${body.length + 1}\r\n`), 408, 'request_timeout'));

  it('row 36: both length and chunks', () =>
    expectErrorAndEnd(post(`${lengthOf(body)}Transfer-Encoding: chunked\r\n`), 400, 'bad_request'));

  it('row 36: an unknown transfer encoding', () =>
    expectErrorAndEnd(post('Transfer-Encoding: xchunked\r\n'), 400, 'bad_request'));

  it('row 36: a bad chunk size', () =>
    expectErrorAndEnd(post('Transfer-Encoding: chunked\r\n', 'zz\r\n'), 400, 'bad_request'));

  it('row 40: a too large body that waits for 100 is refused without it', async () => {
    const client = await RawClient.open(ingress.port);
    client.send(post('Expect: 100-continue\r\nContent-Length: 2000000\r\n', ''));
    expectError(await client.answer(), 413, 'request_too_large');
    client.close();
  });

  it('row 40: a good one is told to go on, one without a key is not', async () => {
    const client = await RawClient.open(ingress.port);
    client.send(post(`Expect: 100-continue\r\n${lengthOf(body)}`, ''));
    expect(await client.answer()).toMatchObject({ status: 100 });
    client.send(body);
    expect(await client.answer()).toMatchObject({ status: 200 });
    client.send(post(`Expect: 100-continue\r\n${lengthOf(body)}`, '').replace(authorization, ''));
    expectError(await client.answer(), 401, 'missing_api_key');
    client.close();
  });

  it('row 40: any other expectation is refused, and the connection closed', async () => {
    for (const expectation of ['foo', 'x100-continue', '']) {
      const client = await RawClient.open(ingress.port);
      client.send(post(`Expect: ${expectation}\r\n${lengthOf(body)}`));
      const answer = await client.answer();
      expectError(answer, 417, 'bad_request');
      expect(answer.headers['connection']).toBe('close');
      expect(await client.closed()).toBe('');
    }
    expect(ingress.bus.calls).toHaveLength(0);
    const { answer, client } = await exchange(post(`Expect: foo\r\n${lengthOf(body)}`).replace('HTTP/1.1', 'HTTP/1.0'));
    expect(answer.status).toBe(200);
    client.close();
  });

  it('row 43: what is pipelined behind an invalid request is not executed', () =>
    expectErrorAndEnd(post('Transfer-Encoding: chunked\r\n', `zz\r\n${post(lengthOf(body))}`), 400, 'bad_request'));
});

describe('time', () => {
  it('row 41: headers that do not end', () =>
    expectErrorAndEnd('GET /v1/models HTTP/1.1\r\nHost:', 408, 'request_timeout'));

  it('row 42: a body that does not end', async () => {
    await expectErrorAndEnd(post('Content-Length: 100\r\n', '{'), 408, 'request_timeout');
    expect(ingress.log.at(-1)).toMatchObject({ message: 'request', status: 408, code: 'request_timeout' });
  });
});

describe('browsers', () => {
  const ask = async (method: string, headers: Record<string, string>, to = ingress): Promise<Response> =>
    fetch(`${to.url}/v1/chat/completions`, { method, headers });
  const preflight = (origin: string) => ({
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type,x-stainless-lang,x-stainless-retry-count,openai-beta',
  });

  it('answers a preflight without a key, for every header that an SDK sends', async () => {
    const answer = await ask('OPTIONS', preflight('https://app.test'));
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('access-control-allow-methods')).toContain('POST');
    expect(answer.headers.get('access-control-allow-headers')).toContain('x-stainless-retry-count');
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    expect(answer.headers.get('access-control-expose-headers')).toBeNull();
  });

  it('lets a page read errors and the request id', async () => {
    const answer = await ask('POST', { origin: 'https://app.test' });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('access-control-expose-headers')?.split(', ')).toEqual(
      expect.arrayContaining(['x-request-id', 'retry-after', 'x-should-retry', 'x-modapi-provider']),
    );
    expect((await ask('POST', {})).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('row 95: other origins than the listed ones get no allow header', async () => {
    const strict = await startTestIngress({ env: { MODAPI_CORS_ORIGINS: 'https://app.test, https://other.test' } });
    for (const origin of ['https://evil.test', 'null', 'https://app.test.evil.test']) {
      const answer = await ask('OPTIONS', preflight(origin), strict);
      expect(answer.status).toBe(204);
      expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
    const allowed = await ask('OPTIONS', preflight('https://app.test'), strict);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.test');
    expect(allowed.headers.get('vary')).toBe('Origin');
    expect(allowed.headers.get('access-control-expose-headers')).toBeNull();
    await strict.stop();
  });
});
