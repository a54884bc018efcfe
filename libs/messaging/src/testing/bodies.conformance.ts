import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import type { IncomingCall } from '../bus.js';
import { bodyPartBytes, bodyPullWindow } from '../frame.js';
import type { Sides } from './bus-under-test.js';
import { freshSubject } from './fresh-subject.js';
import { hashOf, madeHash, MadeSource } from './made-source.js';
import { callTo, record, serve } from './recorded-sink.js';

const mib = 1024 * 1024;
const mostGrowth = 40 * mib;
/** Both sides are in this process. */
const mostHeld = 16 * mib;
/** The window, what the stream itself holds ready, and a piece on its way. */
const mostAhead = bodyPullWindow + 64 * 1024 + 2 * bodyPartBytes;

/** Bodies that are read while they are sent. */
export function describeBodies(sides: () => Sides): void {
  describe('a body from a source', () => {
    it('of 100 MB arrives byte for byte, in little memory', () => carriesLarge(sides()), 60_000);
    it('may be one of eight at once', () => carriesEight(sides()), 60_000);
    it('is read no further than its reader, and goes on with it', () => stopsTheSource(sides()), 30_000);
    it('begins anew when it is opened again', () => opensAgain(sides()), 30_000);
    it('is not read when nobody opens it', () => neverOpened(sides()));
    it('may be empty', () => carriesNothing(sides()));
    it('stops when its reader is destroyed, while the call goes on', () => readerDestroyed(sides()));
    it('of impossible length is refused', () => refusesLength(sides()));
    it('is nothing special for the server: a body of bytes opens the same way', () => opensBytes(sides()));
  });
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Without what only waits to be collected: chunks of the socket that nobody holds any more. */
function memoryHeld(): NodeJS.MemoryUsage {
  collectGarbage();
  return process.memoryUsage();
}

/** Answers with what it makes of the call; its failure is the trailer's. */
function answering(work: (call: IncomingCall) => Promise<object>): (call: IncomingCall) => void {
  return (call) => {
    const answer = async (): Promise<void> => {
      const trailer = await work(call).catch((error: Error) => ({ failed: error.message }));
      call.sendHead({ status: 200, headers: {} });
      call.end(trailer);
    };
    void answer(); // fails nothing: the bus takes every end
  };
}

const hashing = answering((call) => hashOf(call.openBody()));

async function carriesLarge({ client, server }: Sides): Promise<void> {
  const [subject, length] = [freshSubject(), 100 * mib + 7];
  const serving = await serve(server, subject, 'q', hashing);
  const sha256 = madeHash(length);
  const warm = record(client, callTo(subject, { body: new MadeSource(8 * mib) }));
  await warm.finished;
  const before = memoryHeld();
  const growth = { rss: 0, arrayBuffers: 0 };
  const source = new MadeSource(length, (position, bytes) => {
    if (position % (10 * mib) > bytes.length) return bytes; // a look every 10 MB: collecting takes its time
    const now = memoryHeld();
    growth.rss = Math.max(growth.rss, now.rss - before.rss);
    growth.arrayBuffers = Math.max(growth.arrayBuffers, now.arrayBuffers - before.arrayBuffers);
    return bytes;
  });
  const call = record(client, callTo(subject, { body: source }));
  await call.finished;
  expect(call.trailer).toEqual({ bytes: length, sha256 });
  expect(source.bytesRead).toBe(length);
  expect(source.most).toBe(1);
  expect(growth.rss).toBeLessThan(mostGrowth);
  expect(growth.arrayBuffers).toBeLessThan(mostHeld);
  await serving.stop();
}

async function carriesEight({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const serving = await serve(server, subject, 'q', hashing);
  const lengths = Array.from({ length: 8 }, (_, index) => 6 * mib + index * 1_001);
  const calls = lengths.map((length) => record(client, callTo(subject, { body: new MadeSource(length) })));
  await Promise.all(calls.map((call) => call.finished));
  expect(calls.map((call) => call.trailer)).toEqual(
    lengths.map((length) => ({ bytes: length, sha256: madeHash(length) })),
  );
  await serving.stop();
}

async function stopsTheSource({ client, server }: Sides): Promise<void> {
  const [subject, length] = [freshSubject(), 20 * mib];
  const goOn = Promise.withResolvers<void>();
  const serving = await serve(
    server,
    subject,
    'q',
    answering(async (call) => {
      const body = call.openBody();
      await goOn.promise;
      return hashOf(body);
    }),
  );
  const source = new MadeSource(length);
  const call = record(client, callTo(subject, { body: source }));
  await source.hasRead(bodyPullWindow);
  await sleep(300);
  expect(source.bytesRead).toBeLessThanOrEqual(mostAhead);
  goOn.resolve();
  await call.finished;
  expect(call.trailer).toEqual({ bytes: length, sha256: madeHash(length) });
  await serving.stop();
}

async function opensAgain({ client, server }: Sides): Promise<void> {
  const [subject, length] = [freshSubject(), 5 * mib + 3];
  const failed: unknown[] = [];
  const readSome = async (body: Readable, bytes: number): Promise<void> => {
    body.once('error', (error) => failed.push(error.message));
    let seen = 0;
    for await (const chunk of body.iterator({ destroyOnReturn: false })) {
      seen += (chunk as Buffer).length;
      if (seen >= bytes) return;
    }
  };
  const serving = await serve(
    server,
    subject,
    'q',
    answering(async (call) => {
      await readSome(call.openBody(), 2 * mib);
      await readSome(call.openBody(), 1);
      for (let opening = 0; opening < 5; opening++) call.openBody();
      const first = await hashOf(call.openBody());
      return { first, again: await hashOf(call.openBody()), told: call.bodyBytes };
    }),
  );
  const source = new MadeSource(length);
  const call = record(client, callTo(subject, { body: source }));
  await call.finished;
  const whole = { bytes: length, sha256: madeHash(length) };
  expect(call.trailer).toEqual({ first: whole, again: whole, told: length });
  expect(failed).toEqual(Array(2).fill('the request body was opened again'));
  expect(source.most).toBe(1);
  await serving.stop();
}

async function neverOpened({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const serving = await serve(
    server,
    subject,
    'q',
    answering(async (call) => {
      await sleep(50);
      return { body: call.body.length, bodyBytes: call.bodyBytes };
    }),
  );
  const source = new MadeSource(mib);
  const call = record(client, callTo(subject, { body: source }));
  await call.finished;
  expect(call.trailer).toEqual({ body: 0, bodyBytes: mib });
  expect(source.reads).toBe(0);
  await serving.stop();
}

async function carriesNothing({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const serving = await serve(server, subject, 'q', hashing);
  const source = new MadeSource(0);
  const calls = [source, Buffer.alloc(0)].map((body) => record(client, callTo(subject, { body })));
  await Promise.all(calls.map((call) => call.finished));
  for (const call of calls) expect(call.trailer).toEqual({ bytes: 0, sha256: madeHash(0) });
  expect(source.reads).toBe(0);
  await serving.stop();
}

async function readerDestroyed({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const source = new MadeSource(50 * mib);
  const serving = await serve(
    server,
    subject,
    'q',
    answering(async (call) => {
      const body = call.openBody();
      for await (const _ of body) break; // destroys it
      await sleep(200);
      const atRest = source.bytesRead;
      await sleep(200);
      return { destroyed: body.destroyed, moved: source.bytesRead - atRest };
    }),
  );
  const call = record(client, callTo(subject, { body: source }));
  await call.finished;
  expect(call.trailer).toEqual({ destroyed: true, moved: 0 });
  expect(source.bytesRead).toBeLessThanOrEqual(mostAhead + bodyPullWindow);
  await serving.stop();
}

async function refusesLength({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  let served = 0;
  const serving = await serve(server, subject, 'q', () => (served += 1));
  const reasons: unknown[] = [];
  for (const length of [2 ** 32, -1, 1.5, Number.NaN]) {
    const call = record(client, callTo(subject, { body: new MadeSource(length) }));
    await call.finished;
    reasons.push(call.error?.gateway?.code ?? call.error?.reason);
  }
  expect(reasons).toEqual(['request_too_large', ...Array<string>(3).fill('body_failed')]);
  expect(served).toBe(0);
  await serving.stop();
}

async function opensBytes({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const serving = await serve(
    server,
    subject,
    'q',
    answering(async (call) => {
      for await (const _ of call.openBody()) break;
      return { ...(await hashOf(call.openBody())), whole: call.body.length, bodyBytes: call.bodyBytes };
    }),
  );
  // In one frame, and in several.
  for (const length of [1_000, 700_000]) {
    const body = Buffer.from(await new MadeSource(length).read(0, length));
    const call = record(client, callTo(subject, { body }));
    await call.finished;
    expect(call.trailer).toEqual({ bytes: length, sha256: madeHash(length), whole: length, bodyBytes: length });
  }
  await serving.stop();
}
