import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { IncomingCall } from '../bus.js';
import type { BusUnderTest, Sides } from './bus-under-test.js';
import { freshSubject } from './fresh-subject.js';
import { hashOf, MadeSource } from './made-source.js';
import { callTo, record, serve } from './recorded-sink.js';

const mib = 1024 * 1024;

/** Bodies that are read while they are sent, and not to their end. */
export function describeBodyEnds(sides: () => Sides, adapter: () => BusUnderTest): void {
  describe('a body from a source that ends early', () => {
    it('by a cancel is read no further, and leaves nothing', () => cancelledHalfWay(sides()), 30_000);
    it('by the deadline is read no further', () => endsAtDeadline(sides()));
    it('by the end of the call is read no further', () => endedByHandler(sides()));
    it('because its source fails ends the call in body_failed', () => sourceFails(sides()));
    it('because its source gives too much or too little ends the call in body_failed', () => sourceLies(sides()));
    it('by a drain is told to its reader', () => drains(adapter()), 15_000);
  });
}

/** Serves one call whose body is read until it is cut off; tells how. */
async function reading({
  server,
}: Sides): Promise<{ subject: string; cut: Promise<unknown[]>; stop(): Promise<void> }> {
  const subject = freshSubject();
  const cut = Promise.withResolvers<unknown[]>();
  const read = async (call: IncomingCall): Promise<void> => {
    const body = call.openBody();
    const closed = new Promise<void>((resolve) => body.once('close', resolve));
    const error: unknown = await hashOf(body).then(
      () => undefined,
      (failure: unknown) => failure,
    );
    await closed;
    const late = await hashOf(call.openBody()).catch(() => 'also cut');
    cut.resolve([error instanceof Error ? error.message : error, call.signal.reason, late]);
    call.sendHead({ status: 200, headers: {} }); // heard after a drain only
    call.end();
  };
  const serving = await serve(server, subject, 'q', (call) => void read(call).catch(cut.reject));
  return { subject, cut: cut.promise, stop: () => serving.stop() };
}

const cutBy = (reason: string): unknown[] => [
  `the request body is not sent any further: ${reason}`,
  reason,
  'also cut',
];

async function readsNoFurther(source: MadeSource): Promise<void> {
  const { reads } = source;
  await sleep(200);
  expect(source.reads).toBe(reads);
}

async function cancelledHalfWay(sides: Sides): Promise<void> {
  const { subject, cut, stop } = await reading(sides);
  const source = new MadeSource(40 * mib);
  const call = record(sides.client, callTo(subject, { body: source }));
  await source.hasRead(20 * mib);
  call.handle.cancel('the caller left');
  const { reads } = source;
  expect(await cut).toEqual(cutBy('cancel'));
  await readsNoFurther(source);
  expect(source.reads).toBe(reads);
  expect(source.bytesRead).toBeLessThan(21 * mib);
  expect(call.heard).toEqual([]);
  await stop();
}

async function endsAtDeadline(sides: Sides): Promise<void> {
  const { subject, cut, stop } = await reading(sides);
  const source = new MadeSource(40 * mib, (_, bytes) => sleep(20).then(() => bytes));
  const call = record(sides.client, callTo(subject, { body: source, deadlineMs: 200 }));
  await call.finished;
  expect(call.error?.reason).toBe('deadline');
  expect(await cut).toEqual(cutBy('deadline'));
  await readsNoFurther(source);
  await stop();
}

async function endedByHandler({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const closed = Promise.withResolvers<unknown>();
  const end = async (call: IncomingCall): Promise<void> => {
    const body = call.openBody();
    await once(body, 'readable');
    body.once('error', (error) => closed.resolve(error.message));
    call.sendHead({ status: 200, headers: {} });
    call.end();
  };
  const serving = await serve(server, subject, 'q', (call) => void end(call).catch(closed.reject));
  const source = new MadeSource(40 * mib);
  const call = record(client, callTo(subject, { body: source }));
  await call.finished;
  expect(call.heard).toEqual(['head', 'end']);
  expect(await closed.promise).toContain('the call has ended');
  await readsNoFurther(source);
  await serving.stop();
}

async function sourceFails(sides: Sides): Promise<void> {
  const { subject, cut, stop } = await reading(sides);
  const broken = new Error('the disk is gone');
  const source = new MadeSource(40 * mib, (position, bytes) => {
    if (position > 5 * mib) throw broken;
    return bytes;
  });
  const call = record(sides.client, callTo(subject, { body: source }));
  await call.finished;
  expect(call.error).toMatchObject({ reason: 'body_failed', cause: broken });
  expect(call.heard).toEqual(['error']);
  expect(await cut).toEqual(cutBy('cancel'));
  await readsNoFurther(source);
  await stop();
}

async function sourceLies(sides: Sides): Promise<void> {
  const lies = [(bytes: Buffer) => Buffer.concat([bytes, bytes]), () => Buffer.alloc(0)];
  for (const lie of lies) {
    const { subject, cut, stop } = await reading(sides);
    const source = new MadeSource(mib, (position, bytes) => (position > mib / 2 ? lie(bytes) : bytes));
    const call = record(sides.client, callTo(subject, { body: source }));
    await call.finished;
    expect(call.error).toMatchObject({ reason: 'body_failed', cause: expect.any(RangeError) as unknown });
    expect(await cut).toEqual(cutBy('cancel'));
    await stop();
  }
}

async function drains(adapter: BusUnderTest): Promise<void> {
  const client = await adapter.connect();
  const server = await adapter.peerOf(client);
  const { subject, cut } = await reading({ client, server });
  const source = new MadeSource(40 * mib, (_, bytes) => sleep(20).then(() => bytes));
  const call = record(client, callTo(subject, { body: source }));
  await source.hasRead(1);
  const drained = server.drain(200);
  expect(await cut).toEqual(cutBy('drain'));
  await Promise.all([drained, call.finished]);
  expect(call.heard).toEqual(['head', 'end']);
  await readsNoFurther(source);
  await client.drain(100);
}
