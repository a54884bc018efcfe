import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { goodBody } from './testing/http-case.js';
import { RawClient } from './testing/raw-http.js';
import { startTestIngress, type TestIngress } from './testing/test-ingress.js';

const heldBodyBytes = 1_000_000;
const body = JSON.stringify({ ...goodBody, padding: 'x'.repeat(600_000) });
let ingress: TestIngress;
let clients: RawClient[] = [];

beforeAll(async () => {
  ingress = await startTestIngress({ limits: { heldBodyBytes, countedBodyBytes: 10_000, bodyBytes: 2_000_000 } });
});
afterAll(() => ingress.stop());
beforeEach(() => {
  ingress.bus.calls.length = 0;
  ingress.bus.play = (call) => call.answer({});
});
afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  await spaceFor(950_000);
});

const head = (length: number, encoding = ''): string =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ingress.key}\r\n` +
  `Content-Type: application/json\r\n${encoding}Content-Length: ${length}\r\n\r\n`;

async function open(bytes: string | Buffer): Promise<RawClient> {
  const client = await RawClient.open(ingress.port);
  clients.push(client);
  client.send(bytes);
  return client;
}

async function post(length: number): Promise<number> {
  const content = JSON.stringify({ ...goodBody, padding: 'x'.repeat(length) });
  const client = await open(head(content.length) + content);
  const { status } = await client.answer();
  client.close();
  return status;
}

/** Waits until the budget has room for so much again; fails by running out of time. */
async function spaceFor(length: number): Promise<void> {
  while ((await post(length)) !== 200) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Waits until the ingress holds so much that nothing large has room. */
async function full(): Promise<void> {
  while ((await post(500_000)) !== 503) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('row 102: large bodies that have not arrived whole', () => {
  it('count with what they sent, and no longer once their connections closed', async () => {
    const paused = await open(head(700_000) + body);
    await full();
    const refused = await open(head(1_900_000) + body);
    const answer = await refused.answer();
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1', connection: 'close' } });
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'overloaded' } });
    expect(await refused.closed()).toBe('');
    paused.close();
    await spaceFor(950_000);
  });

  it('count as much as they hold when they come in tiny chunks', async () => {
    const chunks = head(0).replace('Content-Length: 0', 'Transfer-Encoding: chunked') + '1\r\n \r\n'.repeat(10_000);
    expect((await (await open(chunks)).answer()).status).toBe(503);
  });

  it('count with what they unpack to, gzipped', async () => {
    const paused = await open(head(700_000) + body);
    await full();
    const packed = gzipSync(body);
    const client = await open(Buffer.concat([Buffer.from(head(packed.length, 'Content-Encoding: gzip\r\n')), packed]));
    expect((await client.answer()).status).toBe(503);
    paused.close();
    await spaceFor(950_000);
  });

  it('do not stay counted when the caller hangs up behind a pipelined request', async () => {
    ingress.bus.play = () => undefined;
    const client = await open(head(body.length) + body + head(700_000) + body.slice(0, 300_000));
    while (ingress.bus.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    ingress.bus.play = (call) => call.answer({});
    await full();
    client.close();
    await spaceFor(950_000);
  });

  it('do not stay counted when the pipelined request was whole', async () => {
    const large = JSON.stringify({ ...goodBody, padding: 'x'.repeat(300_000) });
    ingress.bus.play = () => undefined;
    const client = await open((head(large.length) + large).repeat(2));
    while (ingress.bus.calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    ingress.bus.play = (call) => call.answer({});
    await full();
    client.close();
    await spaceFor(950_000);
  });
});
