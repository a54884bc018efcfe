import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { UpstreamRequest } from '../upstream.js';
import { EgressClient, type UpstreamHandle } from './egress-client.js';
import type { UpstreamError } from './upstream-error.js';

let server: Server;
let origin: string;
let connections: number;
let onRequest: (request: IncomingMessage, response: ServerResponse) => unknown;
let egress: EgressClient;

beforeEach(async () => {
  connections = 0;
  onRequest = async (request, response) => {
    let bytes = 0;
    for await (const chunk of request) bytes += (chunk as Buffer).length;
    response.end(`${request.method} ${request.headers['content-length']} ${bytes}`);
  };
  server = createServer((request, response) => {
    request.on('error', () => undefined);
    // A request that breaks off is some tests' purpose.
    void Promise.resolve(onRequest(request, response)).catch(() => undefined);
  }).listen(0, '127.0.0.1');
  server.on('connection', () => connections++);
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  egress = new EgressClient();
});

afterEach(async () => {
  await egress.close();
  server.closeAllConnections();
  server.close();
});

/** So many pieces of 64 KB; tells how many were taken. */
function pieces(count: number) {
  const taken = { pieces: 0 };
  const body = new Readable({
    read() {
      this.push(taken.pieces++ < count ? Buffer.alloc(65_536) : null);
    },
  });
  return { body, taken };
}

function send(body: UpstreamRequest['body'], rest: Partial<UpstreamRequest> = {}, client = egress) {
  const { promise, resolve } = Promise.withResolvers<{ status: number; text: string; error?: UpstreamError }>();
  const answer = { status: 0, text: '' };
  const length = body instanceof Readable ? ['content-length', String(40 * 65_536)] : [];
  const timeouts = { connectMs: 500, firstByteMs: 500, idleMs: 500 };
  const request = { pool: 'p', origin, path: '/', headers: length, body, timeouts, ...rest };
  const handle: UpstreamHandle = client.send(request, {
    onHead: (status) => (answer.status = status),
    onData: (chunk) => ((answer.text += chunk.toString()), true),
    onEnd: () => resolve(answer),
    onError: (error) => resolve({ ...answer, error }),
  });
  return { handle, answer: promise };
}

describe('a request whose body is a stream', () => {
  it('is sent with its length, and its connection is used again', async () => {
    for (let count = 0; count < 3; count++) {
      const { body } = pieces(40);
      expect((await send(body).answer).text).toBe(`POST ${40 * 65_536} ${40 * 65_536}`);
      expect(body.destroyed).toBe(true);
    }
    expect(connections).toBe(1);
  });

  it('may have another method, or no body', async () => {
    for (const method of ['GET', 'DELETE'] as const) {
      expect((await send(Buffer.alloc(0), { method }).answer).text).toMatch(new RegExp(`^${method} (undefined|0) 0$`));
    }
    expect((await send(Buffer.from('abc'), { method: 'PUT' }).answer).text).toBe('PUT 3 3');
  });

  it('is read no faster than it is sent', async () => {
    onRequest = () => undefined;
    const { body, taken } = pieces(10_000);
    const { handle } = send(body, { headers: ['content-length', String(10_000 * 65_536)] });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(taken.pieces).toBeLessThan(150);
    handle.abort();
    expect(body.destroyed).toBe(true);
  });

  it('is let go when the answer comes first, and the connection with it', async () => {
    onRequest = (_, response) => response.writeHead(413).end('too large');
    const { body } = pieces(10_000);
    const headers = ['content-length', String(10_000 * 65_536)];
    const { status, text, error } = await send(body, { headers }).answer;
    // A server that closes at once may take its answer with it.
    expect(error ? error.kind : [status, text]).toEqual(error ? 'reset' : [413, 'too large']);
    expect(body.destroyed).toBe(true);
    onRequest = (_, response) => response.end('second');
    expect((await send(Buffer.from('{}')).answer).text).toBe('second');
    expect(connections).toBe(2);
  });

  it('is let go when the call fails, or was never made', async () => {
    const away = pieces(40);
    const { error } = await send(away.body, { origin: 'http://127.0.0.1:1' }).answer;
    expect([error?.kind, away.body.destroyed]).toEqual(['connect', true]);
    const small = new EgressClient({ maxInFlight: 0 });
    const refused = pieces(40);
    expect((await send(refused.body, {}, small).answer).error?.kind).toBe('saturated');
    expect(refused.body.destroyed).toBe(true);
    await small.close();
  });

  it('fails with its body, which is not the fault of the connection', async () => {
    const body = new Readable({ read: () => undefined });
    const { answer } = send(body);
    setTimeout(() => body.destroy(new Error('the file is gone')), 20);
    expect((await answer).error).toMatchObject({ kind: 'protocol', code: 'REQUEST_BODY' });
  });

  it('must be as long as it says', async () => {
    expect((await send(pieces(3).body).answer).error?.kind).toBe('protocol');
    expect((await send(pieces(50).body).answer).error?.kind).toBe('protocol');
  });
});
