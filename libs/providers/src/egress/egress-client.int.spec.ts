import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { UpstreamRequest } from '../upstream.js';
import { EgressClient, type EgressOptions, type UpstreamHandle, type UpstreamHeaders } from './egress-client.js';
import type { UpstreamError } from './upstream-error.js';

/** A TCP server, since a well-behaved HTTP server cannot misbehave. */
let server: Server;
let origin: string;
let sockets: Socket[];
let onRequest: (socket: Socket, text: string) => void;
let egress: EgressClient;

beforeEach(async () => {
  sockets = [];
  onRequest = (socket) => socket.write(ok('{}'));
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data) => onRequest(socket, data.toString()));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  egress = new EgressClient();
});

afterEach(async () => {
  await egress.close();
  for (const socket of sockets) socket.destroy();
  server.close();
});

const ok = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
const chunkedHead = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
const chunked = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

function request(overrides: Partial<UpstreamRequest> = {}): UpstreamRequest {
  const timeouts = { connectMs: 300, firstByteMs: 300, idleMs: 300 };
  return {
    pool: 'p',
    origin,
    path: '/v1/x',
    headers: ['accept', '*/*'],
    body: Buffer.from('{}'),
    timeouts,
    ...overrides,
  };
}

interface Answer {
  status?: number;
  headers?: UpstreamHeaders;
  body: string;
  error?: UpstreamError;
}

function send(client: EgressClient, sent = request(), onData?: (handle: UpstreamHandle, chunk: Buffer) => boolean) {
  const answer: Answer = { body: '' };
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const handle: UpstreamHandle = client.send(sent, {
    onHead: (status, headers) => Object.assign(answer, { status, headers }),
    onData: (chunk) => {
      answer.body += chunk.toString();
      return onData ? onData(handle, chunk) : true;
    },
    onEnd: () => resolve(answer),
    onError: (error) => resolve({ ...answer, error }),
  });
  return { handle, answer: promise, seen: answer };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('the egress client', () => {
  it('keeps connections of one provider, and shares none with another', async () => {
    for (let count = 0; count < 3; count++) expect((await send(egress).answer).body).toBe('{}');
    expect(sockets.length).toBe(1);
    await send(egress, request({ pool: 'other' })).answer;
    expect(sockets.length).toBe(2);
  });

  it('sends the body with its length and what it was told, nothing of its own', async () => {
    let text = '';
    onRequest = (socket, received) => {
      text += received;
      socket.write(ok('{}'));
    };
    await send(egress, request({ body: Buffer.from('{"ü":1}'), headers: ['authorization', 'Bearer k'] })).answer;
    expect(text).toMatch(/^POST \/v1\/x HTTP\/1.1\r\n/);
    expect(text.toLowerCase()).toContain('content-length: 8');
    expect(text).toContain('authorization: Bearer k');
    expect(text.toLowerCase()).not.toMatch(/accept-encoding|user-agent|cookie/);
  });

  it('destroys the socket of an aborted answer, and the next call gets its own', async () => {
    onRequest = (socket) => socket.write(chunkedHead + chunked('secret of the first'));
    const first = send(egress);
    while (first.seen.body === '') await sleep(2);
    const closed = once(sockets[0]!, 'close');
    first.handle.abort();
    await closed;
    onRequest = (socket) => socket.write(ok('second'));
    expect((await send(egress).answer).body).toBe('second');
    expect(sockets.length).toBe(2);
    expect(await Promise.race([first.answer, sleep(20).then(() => 'silent')])).toBe('silent');
  });

  it('does not send what was aborted before it had a connection', async () => {
    let requests = 0;
    onRequest = () => void requests++;
    send(egress).handle.abort();
    await sleep(50);
    expect(requests).toBe(0);
  });

  it('gives bytes that follow an answer to nobody', async () => {
    onRequest = (socket) => socket.write(ok('first') + ok('forged'));
    expect((await send(egress).answer).body).toBe('first');
    await sleep(20);
    onRequest = (socket) => socket.write(ok('second'));
    expect((await send(egress).answer).body).toBe('second');
  });

  it('stops reading when told to, and goes on when told to', async () => {
    let written = 0;
    onRequest = (socket) => {
      socket.write(chunkedHead);
      const piece = chunked('x'.repeat(60_000));
      const more = () => {
        while (written < 400) {
          written++;
          if (!socket.write(piece)) return void socket.once('drain', more);
        }
        socket.write('0\r\n\r\n');
      };
      more();
    };
    const slow = send(egress, request(), () => false);
    await sleep(700); // longer than the idle limit, which is for the other side
    const stalledAt = written;
    expect(stalledAt).toBeLessThan(400);
    const timer = setInterval(() => slow.handle.resume(), 0);
    const answer = await slow.answer;
    clearInterval(timer);
    expect([answer.error, answer.body.length]).toEqual([undefined, 400 * 60_000]);
  });

  it('tells failures apart', async () => {
    const kindOf = async (answer: Promise<Answer>) => (await answer).error?.kind;
    const kindWhen = (act: typeof onRequest) => {
      onRequest = act;
      return kindOf(send(egress).answer);
    };
    expect(await kindOf(send(egress, request({ pool: 'closed', origin: 'http://127.0.0.1:1' })).answer)).toBe(
      'connect',
    );
    const nowhere = request({ pool: 'nowhere', origin: 'http://no-such-host.invalid' });
    expect(await kindOf(send(egress, nowhere).answer)).toBe('connect');
    expect(await kindWhen((socket) => socket.destroy())).toBe('reset');
    expect(await kindWhen((socket) => void socket.end(`${chunkedHead}5\r\nab`))).toBe('reset');
    expect(await kindWhen(() => undefined)).toBe('headers_timeout');
    expect(await kindWhen((socket) => void socket.write(chunkedHead))).toBe('body_timeout');
    expect(await kindWhen((socket) => void socket.write(chunkedHead + chunked('a')))).toBe('body_timeout');
    expect(await kindWhen((socket) => void socket.write('SSH-2.0-OpenSSH\r\n\r\n'))).toBe('protocol');
  });

  it('bounds response headers', async () => {
    onRequest = (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(40_000)}\r\ncontent-length: 0\r\n\r\n`);
    expect((await send(egress).answer).error?.kind).toBe('protocol');
    const many = Array.from({ length: 20_000 }, (_, index) => `h${index}: a\r\n`).join('');
    onRequest = (socket) => socket.write(`HTTP/1.1 200 OK\r\n${many}content-length: 0\r\n\r\n`);
    expect((await send(egress).answer).error?.kind).toBe('protocol');
  });

  it('follows no redirect and unpacks nothing', async () => {
    onRequest = (socket) =>
      socket.write(
        'HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc',
      );
    const { status, headers, body } = await send(egress).answer;
    expect([status, headers?.['location'], body]).toEqual([302, 'http://127.0.0.1:1/', 'abc']);
  });

  it('fails at once beyond its bound instead of queueing', async () => {
    const options: EgressOptions = { maxInFlight: 2 };
    const small = new EgressClient(options);
    onRequest = () => undefined;
    send(small);
    const second = send(small);
    expect((await send(small).answer).error?.kind).toBe('saturated');
    second.handle.abort();
    onRequest = (socket) => socket.write(ok('{}'));
    expect((await send(small).answer).error).toBeUndefined();
    await small.close();
  });

  it('keeps connections to so many origins, and closes those of the one that rests longest', async () => {
    const small = new EgressClient({ maxLanes: 3 });
    const to = (pool: string) => send(small, request({ pool }));
    for (const pool of ['a', 'b', 'c']) await to(pool).answer;
    // Its lane is the oldest, but has a call in flight.
    onRequest = () => undefined;
    const busy = to('b');
    onRequest = (socket) => socket.write(ok('{}'));
    await to('a').answer;
    expect([small.laneCount, sockets.length]).toEqual([3, 3]);
    const [, , ofC] = sockets as [Socket, Socket, Socket];
    const closed = once(ofC, 'close');
    await to('d').answer;
    await closed;
    await to('a').answer;
    expect([small.laneCount, sockets.length]).toEqual([3, 4]);
    busy.handle.abort();
    for (let pool = 0; pool < 20; pool++) await to(`${pool}`).answer;
    expect(small.laneCount).toBe(3);
    await small.close();
  });
});
