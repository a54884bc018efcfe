import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { request as httpRequest } from 'node:http';
import { doorCases } from './testing/door-cases.js';
import { endpointCases } from './testing/endpoint-cases.js';
import { openPolicy } from './testing/fake-bus.js';
import { goodBody, type HttpCase } from './testing/http-case.js';
import { mediaCases } from './testing/media-cases.js';
import { moneyCases } from './testing/money-cases.js';
import { policyCases } from './testing/policy-cases.js';
import { parameterCases } from './testing/parameter-cases.js';
import { startTestIngress, type TestIngress } from './testing/test-ingress.js';

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

const mega = 1024 * 1024;
const httpCases = [...doorCases, ...parameterCases, ...endpointCases, ...mediaCases, ...moneyCases, ...policyCases];
let ingress: TestIngress;

beforeAll(async () => {
  // A smaller body limit, so that a bomb need not be large; what is asserted is the mechanism.
  ingress = await startTestIngress({ limits: { bodyBytes: 4 * mega } });
});
afterAll(() => ingress.stop());
beforeEach(() => {
  ingress.bus.calls.length = 0;
  ingress.bus.usualPolicy = openPolicy;
  ingress.bus.billing.playAuthorize = () => ({ outcome: 'authorized' });
});

/** node:http, since fetch would normalise the path and refuse some headers. */
function send(
  method: string,
  path: string,
  headers: Record<string, string | undefined>,
  body: Buffer,
): Promise<Answer> {
  const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
  return new Promise((resolve, reject) => {
    const options = { port: ingress.port, host: '127.0.0.1', method, path, headers: given, agent: false };
    const request = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

function bytesOf(body: HttpCase['body']): Buffer {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body ?? goodBody));
}

function ask(httpCase: Partial<HttpCase>): Promise<Answer> {
  const { method = 'POST', path = '/v1/chat/completions' } = httpCase;
  const own = typeof httpCase.headers === 'function' ? httpCase.headers(ingress) : httpCase.headers;
  const body = method === 'POST' ? bytesOf(httpCase.body) : Buffer.alloc(0);
  const usual = {
    authorization: `Bearer ${ingress.key}`,
    ...(method === 'POST' && { 'content-type': 'application/json', 'content-length': String(body.length) }),
  };
  return send(method, path, { ...usual, ...own }, body);
}

describe('a bad input', () => {
  it.each(httpCases.map((httpCase) => [httpCase.row, httpCase.what, httpCase] as const))(
    'row %i, %s',
    async (_row, _what, httpCase) => {
      const answer = await ask(httpCase);
      expect({ status: answer.status, ...(JSON.parse(answer.body) as object) }).toEqual({
        status: httpCase.status,
        error: {
          message: expect.stringMatching(/\S/),
          type: expect.stringMatching(/^[a-z_]+$/),
          param: httpCase.param ?? null,
          code: httpCase.code,
        },
      });
      expect(answer.headers['content-type']).toMatch(/^application\/json/);
      expect(answer.headers['x-request-id']).toMatch(/^req_[0-9a-f]{32}$/);
      expect(answer.headers).toMatchObject(httpCase.answer ?? {});
      expect(answer.body).not.toMatch(/node_modules|\bat .*\.[jt]s:/);
      expect(ingress.bus.calls).toHaveLength(0);
    },
  );

  it('says the same of every key that is not good', async () => {
    const rows = httpCases.filter(({ row, code }) => row >= 2 && row <= 8 && code === 'invalid_api_key');
    const answers = await Promise.all(rows.map((httpCase) => ask(httpCase)));
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
  });
});

describe('row 16: HEAD', () => {
  it('needs the key as GET does, and has no body', async () => {
    const refused = await ask({ method: 'HEAD', path: '/v1/models', headers: { authorization: undefined } });
    expect(refused).toMatchObject({ status: 401, body: '' });
    const answer = await ask({ method: 'HEAD', path: '/v1/models' });
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(Number(answer.headers['content-length'])).toBeGreaterThan(10);
  });
});

describe('what is unusual and yet fine', () => {
  const fine = async (httpCase: Partial<HttpCase>): Promise<void> => {
    expect((await ask(httpCase)).status).toBe(200);
    expect(ingress.bus.calls).toHaveLength(1);
  };

  it('row 28: a byte order mark', async () => {
    await fine({ body: `\ufeff${JSON.stringify(goodBody)}` });
    expect(Buffer.from(ingress.bus.calls[0]!.request.body as Uint8Array).toString()).toBe(JSON.stringify(goodBody));
  });

  it('row 58: null for what may be left out', () =>
    fine({ body: { ...goodBody, temperature: null, max_tokens: null, n: null, stream: null, stream_options: null } }));

  it('row 64: an unknown field and unknown values pass', () =>
    fine({ body: { ...goodBody, foo: { bar: [1] }, service_tier: 'warp', reasoning_effort: 'extreme' } }));

  it('row 62: a recursive schema and a pattern are the provider’s to judge', () => {
    const parameters = {
      $ref: '#/$defs/node',
      $defs: { node: { properties: { next: { $ref: '#' } }, pattern: '(a+)+$' } },
    };
    return fine({ body: { ...goodBody, tools: [{ type: 'function', function: { name: 'f', parameters } }] } });
  });

  it('row 66: forwarding headers of a stranger mean nothing', async () => {
    await fine({
      headers: { 'x-forwarded-for': '127.0.0.1', 'x-modapi-internal-caller': 'admin', 'x-request-id': 'req_mine' },
    });
    const { head } = ingress.bus.calls[0]!.request;
    expect(JSON.stringify(head)).not.toMatch(/127\.0\.0\.1|admin|req_mine/);
  });

  it('a gzipped body, a charset in capitals, a quoted one', async () => {
    await fine({ body: gzipSync(JSON.stringify(goodBody)), headers: { 'content-encoding': 'gzip' } });
    ingress.bus.calls.length = 0;
    await fine({ headers: { 'content-type': 'Application/JSON; Charset="UTF-8"' } });
  });

  it('the same key in both headers', () => fine({ headers: { 'x-api-key': ingress.key } }));

  it('row 96: an error is JSON even for who asks for HTML', async () => {
    const answer = await ask({ method: 'GET', path: '/nope', headers: { accept: 'text/html' } });
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
  });
});

describe('rows 33 and 34: too large', () => {
  it('is refused by its length before it is read', async () => {
    const body = Buffer.alloc(5 * mega, 0x20);
    const answer = await ask({ body });
    expect(answer).toMatchObject({ status: 413, headers: { 'x-should-retry': 'false', connection: 'close' } });
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'request_too_large' } });
  });

  it('large bodies together have a budget', async () => {
    const small = await startTestIngress({ limits: { heldBodyBytes: 100_000, countedBodyBytes: 1_000 } });
    const body = JSON.stringify({ ...goodBody, padding: 'x'.repeat(60_000) });
    const headers = { authorization: `Bearer ${small.key}`, 'content-type': 'application/json' };
    const post = () => fetch(`${small.url}/v1/chat/completions`, { method: 'POST', headers, body });
    small.bus.play = () => undefined; // holds the first body
    const first = post();
    while (small.bus.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const second = await post();
    expect(second.status).toBe(503);
    expect(await second.json()).toMatchObject({ error: { code: 'overloaded' } });
    small.bus.calls[0]!.answer({});
    expect((await first).status).toBe(200);
    small.bus.play = (call) => call.answer({});
    expect((await post()).status).toBe(200);
    await small.stop();
  });
});
