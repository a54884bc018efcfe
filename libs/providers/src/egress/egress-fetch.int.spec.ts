import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { compatible } from '../openai-compatible/compatible.js';
import type { Provider } from '../provider.js';
import { Upstream } from '../upstream.js';
import { EgressClient } from './egress-client.js';
import { EgressRefusedError, openEgressFetch } from './egress-fetch.js';
import type { UpstreamError } from './upstream-error.js';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

let server: Server;
let origin: string;
let seen: Seen[];
let answer: (response: ServerResponse, request: Seen) => unknown;
let egress: EgressClient;
let leaving: AbortController;

beforeEach(async () => {
  seen = [];
  answer = (response) => response.end('{"ok":true}');
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // a test broke it off
    }
    const { method, url, headers } = request;
    const received = { method, url, headers, body: Buffer.concat(chunks) };
    seen.push(received);
    answer(response, received);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  egress = new EgressClient();
  leaving = new AbortController();
});

afterEach(async () => {
  await egress.close();
  server.closeAllConnections();
  server.close();
});

const vendor: Provider = {
  ...compatible('acme', 'Acme', 'https://api.acme.test/v1', []),
  dialect: {
    serves: ['audio.speech'],
    origins: ['https://{region}.acme.test', 'https://*.acme-files.test'],
    load: () => Promise.reject(new Error('not of this test')),
  },
};

function open(provider: Provider = vendor, ownPath: string | null = '/stand-in', gather?: (bytes: number) => void) {
  const upstream = new Upstream({
    id: 'acme',
    provider,
    baseUrl: new URL(ownPath === null ? 'https://api.acme.test/v1' : `${origin}${ownPath}`),
    secret: 'sk-acme-secret-1',
    timeouts: { connectMs: 500, firstByteMs: 500, idleMs: 500 },
    ownBaseUrl: ownPath !== null,
    variables: { region: 'eu', evil: 'x/y' },
  });
  const ownHeaders = ['x-modapi-attempt-id', 'a#1'];
  return openEgressFetch({ egress, upstream, signal: leaving.signal, ownHeaders, ...(gather && { gather }) });
}

const rejectionOf = async (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error as Error,
  );

describe('the fetch for vendors packages', () => {
  it('sends methods, headers and bodies as told, and tells status and request id', async () => {
    const way = open();
    answer = (response) => response.writeHead(201, { 'x-request-id': 'req_1', 'set-cookie': 'a=b' }).end('made');
    const headers = { authorization: 'Bearer k', 'Accept-Encoding': 'gzip', cookie: 'a=b', 'User-Agent': 'ai-sdk/1' };
    for (const method of ['POST', 'PUT']) {
      const response = await way.fetch(`${origin}/v1/x?q=1`, { method, headers, body: '{"ü":1}' });
      expect([response.status, response.headers.get('set-cookie'), await response.text()]).toEqual([201, null, 'made']);
    }
    await (await way.fetch(new URL(`${origin}/v1/job`), { method: 'DELETE' })).text();
    await (await way.fetch(`${origin}/v1/job`)).text();
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /v1/x?q=1',
      'PUT /v1/x?q=1',
      'DELETE /v1/job',
      'GET /v1/job',
    ]);
    const [first] = seen as [Seen];
    expect(first.body.toString()).toBe('{"ü":1}');
    expect(first.headers).toMatchObject({
      authorization: 'Bearer k',
      'accept-encoding': 'identity',
      'user-agent': 'modapi',
      'content-length': '8',
      'x-modapi-attempt-id': 'a#1',
    });
    expect(first.headers).not.toHaveProperty('cookie');
    expect(first.headers).not.toHaveProperty('x-forwarded-host');
    expect([way.status, way.upstreamRequestId]).toEqual([201, 'req_1']);
  });

  it('sends bytes, buffers, blobs, forms and streams', async () => {
    const { fetch } = open();
    const bytes = Buffer.from([0, 255, 10, 13]);
    const sendOf = async (body: NonNullable<RequestInit['body']>) => {
      await (await fetch(`${origin}/`, { method: 'POST', body })).text();
      return seen.at(-1) as Seen;
    };
    for (const body of [new Uint8Array(bytes), new Uint8Array(bytes).buffer, new Blob([bytes])]) {
      const { body: received, headers } = await sendOf(body);
      expect([received, headers['content-length']]).toEqual([bytes, '4']);
    }
    const form = new FormData();
    form.set('model', 'm');
    form.set('file', new Blob([bytes], { type: 'audio/mpeg' }), 'a.mp3');
    const { body, headers } = await sendOf(form);
    const parsed = await new Response(new Uint8Array(body), {
      headers: { 'content-type': headers['content-type'] as string },
    }).formData();
    const file = parsed.get('file') as File;
    expect([parsed.get('model'), file.name, file.type]).toEqual(['m', 'a.mp3', 'audio/mpeg']);
    expect(Buffer.from(await file.arrayBuffer())).toEqual(bytes);
    expect(Number(headers['content-length'])).toBe(body.length);
    const pieces = new Blob([Buffer.alloc(300_000, 7)]).stream();
    expect((await sendOf(pieces)).body.equals(Buffer.alloc(300_000, 7))).toBe(true);
  });

  it('reaches the hosts of its provider only, and sends nothing to others', async () => {
    const { fetch } = open();
    for (const url of [
      'https://evil.test/',
      'http://eu.acme.test/',
      'https://us.acme.test/',
      'https://api.acme.test:8443/v1',
      'https://api.acme.test.evil.test/v1',
      'https://acme-files.test/x',
      'https://evilacme-files.test/x',
      `http://user:password@${origin.slice(7)}/`,
      origin.replace('127.0.0.1', 'localhost'),
    ]) {
      const error = await rejectionOf(fetch(url, { headers: { authorization: 'Bearer sk-acme-secret-1' } }));
      expect([url, error?.constructor]).toEqual([url, expect.anything()]);
      expect(String(error)).not.toMatch(/secret|password/);
    }
    expect(await rejectionOf(fetch('https://evil.test/'))).toBeInstanceOf(EgressRefusedError);
    expect(seen).toEqual([]);
  });

  it('fills no origin with a variable that could move the host', async () => {
    const dialect = { ...vendor.dialect!, origins: ['https://{evil}.acme.test', 'https://{missing}.acme.test'] };
    const { fetch } = open({ ...vendor, dialect });
    expect(await rejectionOf(fetch('https://x/y.acme.test'))).toBeInstanceOf(EgressRefusedError);
    expect(await rejectionOf(fetch('https://.acme.test'))).toBeInstanceOf(Error);
    expect(seen).toEqual([]);
  });

  it("sends what is for the vendor's hosts to the operator's base URL instead", async () => {
    const { fetch } = open();
    for (const url of [
      'https://eu.acme.test/a?b=c',
      'https://v3.acme-files.test/i.png',
      'https://api.acme.test/v1/z',
    ]) {
      await (await fetch(url)).text();
    }
    expect(seen.map(({ url, headers }) => [url, headers['x-forwarded-host'], headers.host])).toEqual([
      ['/stand-in/a?b=c', 'eu.acme.test', origin.slice(7)],
      ['/stand-in/i.png', 'v3.acme-files.test', origin.slice(7)],
      ['/stand-in/v1/z', 'api.acme.test', origin.slice(7)],
    ]);
  });

  it('speaks to several origins of a vendor, each over its own connection', async () => {
    const second = createServer((_, response) => response.end('second')).listen(0, '127.0.0.1');
    await once(second, 'listening');
    const other = `http://127.0.0.1:${(second.address() as AddressInfo).port}`;
    const { fetch } = open(
      { ...vendor, baseUrl: origin, dialect: { ...vendor.dialect!, origins: [other, origin] } },
      null,
    );
    answer = (response) => response.end('first');
    const texts: string[] = [];
    for (const url of [origin, other, origin, other]) texts.push(await (await fetch(url)).text());
    expect(texts).toEqual(['first', 'second', 'first', 'second']);
    second.close();
    second.closeAllConnections();
  });

  it('follows no redirect', async () => {
    answer = (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    const response = await open().fetch(`${origin}/`);
    expect([response.status, seen.length]).toEqual([302, 1]);
  });

  it('streams with back-pressure', async () => {
    let written = 0;
    answer = (response) => {
      const more = () => {
        while (written < 300) {
          written++;
          if (!response.write(Buffer.alloc(100_000))) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    };
    const response = await open().fetch(`${origin}/`);
    await new Promise((resolve) => setTimeout(resolve, 700)); // longer than the idle limit, which is for the other side
    expect(written).toBeLessThan(300);
    expect((await response.arrayBuffer()).byteLength).toBe(30_000_000);
  });

  it('bounds an answer, and unpacks none', async () => {
    const codeOf = async (promise: Promise<unknown>) => ((await rejectionOf(promise)) as UpstreamError).code;
    answer = (response) => void response.end(Buffer.alloc(51 * 1024 * 1024));
    const large = await open().fetch(`${origin}/`);
    expect(await codeOf(large.arrayBuffer())).toBe('TOO_LARGE');
    answer = (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
    expect(await codeOf(open().fetch(`${origin}/`))).toBe('CONTENT_ENCODING');
  });

  it('keeps to the timeouts of its upstream', async () => {
    const kindOf = async (promise: Promise<unknown>) => ((await rejectionOf(promise)) as UpstreamError).kind;
    answer = () => undefined;
    expect(await kindOf(open().fetch(`${origin}/`))).toBe('headers_timeout');
    answer = (response) => void response.write('half');
    const response = await open().fetch(`${origin}/`);
    expect(await kindOf(response.text())).toBe('body_timeout');
  });

  it('ends with the call, and with what the package gives up', async () => {
    let broken = 0;
    answer = (response) => void response.once('close', () => broken++).write('half');
    const own = new AbortController();
    const { fetch } = open();
    const first = await fetch(`${origin}/`, { signal: own.signal });
    const second = await fetch(`${origin}/`);
    own.abort();
    expect((await rejectionOf(first.text()))?.name).toBe('AbortError');
    leaving.abort('deadline');
    expect((await rejectionOf(second.text()))?.name).toBe('AbortError');
    expect((await rejectionOf(fetch(`${origin}/`)))?.name).toBe('AbortError');
    while (broken < 2) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(seen.length).toBe(2);
  });

  it('lets go of an answer that nobody read when the call is over', async () => {
    let closed = false;
    answer = (response) => void response.once('close', () => (closed = true)).write(Buffer.alloc(10_000_000));
    const way = open();
    await way.fetch(`${origin}/`);
    way.close();
    while (!closed) await new Promise((resolve) => setTimeout(resolve, 2));
    expect((await rejectionOf(way.fetch(`${origin}/`)))?.name).toBe('AbortError');
  });

  it('breaks off an answer that there is no room for, with the reason it was given', async () => {
    let closed = false;
    answer = (response) => void response.once('close', () => (closed = true)).write(Buffer.alloc(10_000_000));
    const full = new Error('full');
    let gathered = 0;
    const way = open(vendor, '/stand-in', (bytes) => {
      if ((gathered += bytes) > 1_000_000) throw full;
    });
    expect(await rejectionOf((await way.fetch(`${origin}/`)).arrayBuffer())).toBe(full);
    while (!closed) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(gathered).toBeLessThan(2_000_000);
  });

  it('destroys a streamed body when its call ends early', async () => {
    let cancelled = false;
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
      cancel: () => void (cancelled = true),
    });
    const pending = rejectionOf(open().fetch(`${origin}/`, { method: 'POST', body: endless }));
    setTimeout(() => leaving.abort(), 30);
    expect((await pending)?.name).toBe('AbortError');
    while (!cancelled) await new Promise((resolve) => setTimeout(resolve, 2));
  });
});
