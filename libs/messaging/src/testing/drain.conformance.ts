import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { BusUnderTest, Sides } from './bus-under-test.js';
import type { IncomingCall } from '../bus.js';
import { freshSubject } from './fresh-subject.js';
import { callTo, record, serve } from './recorded-sink.js';

/** Stopping loses nothing that is in flight. */
export function describeDrain(adapter: () => BusUnderTest): void {
  const withSides = async (test: (sides: Sides) => Promise<void>): Promise<void> => {
    const client = await adapter().connect();
    const server = await adapter().peerOf(client);
    await test({ client, server });
    await Promise.all([client.drain(100), server.drain(100)]);
  };

  describe('drain', () => {
    it('waits for the calls in flight and takes no new ones', () => withSides(waitsForCalls));
    it('asks the handlers to finish when the time is up', () => withSides(asksToFinish), 15_000);
    it('tells also the handlers of calls that were given up', () => withSides(tellsOfGivenUp), 15_000);
    it('ends the calls of a handler that does not', () => withSides(endsStubbornCalls), 15_000);
    it('asks the handlers to finish before it, and goes on', () => withSides(finishesCalls));
    it('ends what does not finish, on both sides, and goes on', () => withSides(endsUnfinishedCalls));
    it('closes the bus for further calls', () => withSides(refusesLater));
    it('stops a server after its calls, while others go on', () => withSides(stopsOneServer));
  });
}

function slowHandler(ms: number): (call: IncomingCall) => void {
  return (call) => {
    call.sendHead({ status: 200, headers: {} });
    call.write(Buffer.from('first '));
    setTimeout(() => {
      call.write(Buffer.from('last'));
      call.end();
    }, ms);
  };
}

async function waitsForCalls({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  await serve(server, subject, 'q', slowHandler(500));
  const call = record(client, callTo(subject));
  await call.reached('data');
  const drained = server.drain(10_000);
  await sleep(100);
  const late = record(client, callTo(subject));
  await late.finished;
  expect(late.error?.reason).toMatch(/^(no_responders|closed)$/);
  await drained;
  await call.finished;
  expect(call.error).toBeUndefined();
  expect(Buffer.concat(call.chunks).toString()).toBe('first last');
}

async function asksToFinish({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  let reason: unknown;
  await serve(server, subject, 'q', (call) => {
    call.sendHead({ status: 200, headers: {} });
    call.signal.addEventListener('abort', () => {
      reason = call.signal.reason;
      call.write(Buffer.from('in-band error'));
      call.end({ interrupted: true });
    });
  });
  const call = record(client, callTo(subject));
  await call.reached('head');
  await server.drain(300);
  await call.finished;
  expect(reason).toBe('drain');
  expect(Buffer.concat(call.chunks).toString()).toBe('in-band error');
  expect(call.trailer).toEqual({ interrupted: true });
}

async function tellsOfGivenUp({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const heard: string[] = [];
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  await serve(server, subject, 'q', (call) => {
    call.accept();
    call.signal.addEventListener('abort', () => {
      heard.push(String(call.signal.reason));
      resolve();
    });
    call.whenStopping(() => {
      heard.push('stopping');
      call.end();
    });
  });
  const call = record(client, callTo(subject));
  await call.reached('note');
  call.handle.cancel('gone');
  await aborted;
  await server.drain(300);
  expect(heard).toEqual(['cancel', 'stopping']);
}

async function endsStubbornCalls({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  await serve(server, subject, 'q', (call) => call.accept());
  const call = record(client, callTo(subject));
  await call.reached('note');
  await server.drain(200);
  await call.finished;
  expect(call.error).toMatchObject({ reason: 'remote', gateway: { code: 'server_shutting_down' } });
}

async function finishesCalls({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  await serve(server, subject, 'q', (call) => {
    call.sendHead({ status: 200, headers: {} });
    if ('next' in (call.head as object)) {
      call.end();
      return;
    }
    call.signal.addEventListener('abort', () => {
      call.write(Buffer.from(String(call.signal.reason)));
      call.end();
    });
  });
  const call = record(client, callTo(subject));
  await call.reached('head');
  await server.finishCalls(5_000);
  await call.finished;
  expect(call.error).toBeUndefined();
  expect(Buffer.concat(call.chunks).toString()).toBe('drain');
  const next = record(client, callTo(subject, { head: { next: true } }));
  await next.finished;
  expect(next.heard).toEqual(['head', 'end']);
}

async function endsUnfinishedCalls({ client, server }: Sides): Promise<void> {
  const [stubborn, foreign] = [freshSubject(), freshSubject()];
  const aborted = Promise.withResolvers<unknown>();
  await serve(server, stubborn, 'q', (call) => call.accept());
  await serve(server, foreign, 'q', (call) => {
    call.accept();
    call.signal.addEventListener('abort', () => {
      aborted.resolve(call.signal.reason);
      if (call.signal.reason === 'cancel') call.end();
    });
  });
  const served = record(client, callTo(stubborn));
  await served.reached('note');
  await server.finishCalls(100);
  await served.finished;
  expect(served.error).toMatchObject({ reason: 'remote', gateway: { code: 'server_shutting_down' } });
  const own = record(client, callTo(foreign));
  await own.reached('note');
  await client.finishCalls(100);
  await own.finished;
  expect(own.error?.gateway?.code ?? own.error?.reason).toMatch(/^(closed|server_shutting_down)$/);
  expect(await aborted.promise).toMatch(/^(cancel|drain)$/);
  expect(client.connected).toBe(true);
}

async function refusesLater({ client }: Sides): Promise<void> {
  await client.drain(100);
  await client.drain(100);
  const call = record(client, callTo(freshSubject()));
  await call.finished;
  expect(call.error?.reason).toBe('closed');
  expect(client.connected).toBe(false);
  await expect(client.publishEvent('usage.v1.test', {})).rejects.toThrow('closed');
}

async function stopsOneServer({ client, server }: Sides): Promise<void> {
  const [stopped, other] = [freshSubject(), freshSubject()];
  const serving = await serve(server, stopped, 'q', slowHandler(200));
  await serve(server, other, 'q', slowHandler(0));
  const call = record(client, callTo(stopped));
  await call.reached('data');
  await serving.stop();
  await call.finished;
  expect(Buffer.concat(call.chunks).toString()).toBe('first last');
  const [gone, alive] = [record(client, callTo(stopped)), record(client, callTo(other))];
  await Promise.all([gone.finished, alive.finished]);
  expect(gone.error?.reason).toBe('no_responders');
  expect(alive.error).toBeUndefined();
}
