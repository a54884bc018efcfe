import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { Sides } from './bus-under-test.js';
import type { IncomingCall } from '../bus.js';
import { collectReply } from '../collect-reply.js';
import { freshSubject } from './fresh-subject.js';
import { callTo, record, serve } from './recorded-sink.js';

/** Calls that end badly. */
export function describeEnds(sides: () => Sides): void {
  describe('a call that ends badly', () => {
    it('hears at once that nobody serves the subject', () => nobodyServes(sides()));
    it('gets the error that its handler failed with', () => handlerFails(sides()));
    it('gets internal_error when its handler throws', () => handlerThrows(sides()));
    it('is refused when its body is too large', () => bodyTooLarge(sides()));
    it('reaches the producer when it is cancelled', () => cancelReachesProducer(sides()));
    it('may be cancelled before a server took it', () => cancelAtOnce(sides()));
    it('ends at its deadline on both sides', () => endsAtDeadline(sides()));
    it('wakes a writer that waits for room', () => wakesTheWriter(sides()));
    it('ends alone when its sink throws', () => sinkThrows(sides()));
    it('never throws at its caller, nor hangs, over what is no JSON', () => survivesNoJson(sides()));
    it('refuses frames out of order', () => refusesDisorder(sides()));
  });
}

async function nobodyServes({ client }: Sides): Promise<void> {
  const started = performance.now();
  const call = record(client, callTo(freshSubject()));
  await call.finished;
  expect(call.error?.reason).toBe('no_responders');
  expect(call.heard).toEqual(['error']);
  expect(performance.now() - started).toBeLessThan(2_000);
}

async function handlerFails({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const failure = { code: 'model_not_found', message: 'no such model', param: 'model', status: 404 } as const;
  const serving = await serve(server, subject, 'q', (call) => {
    call.accept();
    call.fail(failure);
    call.fail({ code: 'internal_error', message: 'a second time' });
    call.end();
  });
  const call = record(client, callTo(subject));
  await call.finished;
  expect(call.error).toMatchObject({ name: 'CallError', reason: 'remote', gateway: failure });
  await sleep(20);
  expect(call.heard).toEqual(['note', 'error']);
  await serving.stop();
}

async function handlerThrows({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const serving = await serve(server, subject, 'q', () => {
    throw new Error('a secret of ours');
  });
  const call = record(client, callTo(subject));
  await call.finished;
  expect(call.error?.gateway?.code).toBe('internal_error');
  expect(JSON.stringify(call.error?.gateway)).not.toContain('secret');
  await serving.stop();
}

async function bodyTooLarge({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const serving = await serve(server, subject, 'q', (call) => call.end());
  const call = record(client, callTo(subject, { body: new Uint8Array(64 * 1024 * 1024 + 1) }));
  await call.finished;
  expect(call.error).toMatchObject({ reason: 'remote', gateway: { code: 'request_too_large' } });
  await serving.stop();
}

async function cancelReachesProducer({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const aborted = Promise.withResolvers<unknown>();
  let writes = 0;
  const serving = await serve(server, subject, 'q', (call) => {
    call.sendHead({ status: 200, headers: {} });
    const producer = setInterval(() => {
      writes += 1;
      call.write(Buffer.from('x'));
    }, 5);
    call.signal.addEventListener('abort', () => {
      clearInterval(producer);
      aborted.resolve(call.signal.reason);
      call.end();
    });
  });
  const call = record(client, callTo(subject));
  await call.reached('data');
  call.handle.cancel('client went away');
  const heardAtCancel = call.heard.length;
  expect(await aborted.promise).toBe('cancel');
  const writesAtAbort = writes;
  await sleep(50);
  expect(writes).toBe(writesAtAbort);
  expect(call.heard).toHaveLength(heardAtCancel);
  await serving.stop();
}

async function cancelAtOnce({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const calls: IncomingCall[] = [];
  const serving = await serve(server, subject, 'q', (call) => {
    calls.push(call);
    call.signal.addEventListener('abort', () => call.end());
  });
  const early = record(client, callTo(subject));
  early.handle.cancel('at once');
  const late = record(client, callTo(subject));
  setImmediate(() => setImmediate(() => late.handle.cancel('before any answer')));
  await sleep(200);
  // Either it never left, or its server has heard of the cancel: in no case does it run on.
  for (const call of calls) expect(call.signal.reason).toBe('cancel');
  expect(calls.length).toBeLessThanOrEqual(1);
  expect([...early.heard, ...late.heard]).toEqual([]);
  await serving.stop();
}

async function endsAtDeadline({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const aborted = Promise.withResolvers<unknown>();
  const serving = await serve(server, subject, 'q', (call) => {
    call.accept();
    call.signal.addEventListener('abort', () => {
      aborted.resolve(call.signal.reason);
      call.end();
    });
  });
  const call = record(client, callTo(subject, { deadlineMs: 150 }));
  await call.finished;
  expect(call.error?.reason).toBe('deadline');
  expect(await aborted.promise).toBe('deadline');
  await serving.stop();
}

async function wakesTheWriter({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const woken = Promise.withResolvers<boolean>();
  const write = async (call: IncomingCall): Promise<void> => {
    call.sendHead({ status: 200, headers: {} });
    while (call.write(Buffer.alloc(10_000))) if (call.signal.aborted) break;
    await call.writable();
    woken.resolve(call.signal.aborted);
    call.end();
  };
  const serving = await serve(server, subject, 'q', (call) => void write(call));
  const call = record(client, callTo(subject), { grants: false });
  await call.reached('data');
  await sleep(50);
  call.handle.cancel('done');
  expect(await woken.promise).toBe(true);
  await serving.stop();
}

async function sinkThrows({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const aborted = Promise.withResolvers<unknown>();
  const serving = await serve(server, subject, 'q', (call) => {
    call.signal.addEventListener('abort', () => {
      aborted.resolve(call.signal.reason);
      call.end();
    });
    call.sendHead({ status: 200, headers: {} });
    setTimeout(() => {
      call.write(Buffer.from('x'));
      if (call.head && 'fine' in (call.head as object)) call.end();
    }, 20);
  });
  const failed = Promise.withResolvers<unknown>();
  const broken = { onHead: () => {}, onEnd: () => {}, onError: failed.resolve };
  const thrower = (): never => {
    throw new Error('a bug of the sink');
  };
  client.call(callTo(subject), { ...broken, onData: thrower });
  const fine = collectReply(client, callTo(subject, { head: { fine: true } }));
  expect(await failed.promise).toMatchObject({ reason: 'closed' });
  expect(await aborted.promise).toBe('cancel');
  expect((await fine).body.toString()).toBe('x');
  await serving.stop();
}

async function refusesDisorder({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const refused: string[] = [];
  const attempt = (name: string, act: () => void): void => {
    try {
      act();
    } catch {
      refused.push(name);
    }
  };
  const serving = await serve(server, subject, 'q', (call) => {
    attempt('write before head', () => call.write(Buffer.from('x')));
    attempt('end before head', () => call.end());
    call.sendHead({ status: 200, headers: {} });
    attempt('second head', () => call.sendHead({ status: 200, headers: {} }));
    attempt('accept after head', () => call.accept());
    call.end();
    call.note({ late: true });
    call.write(Buffer.from('late'));
  });
  const call = record(client, callTo(subject));
  await call.finished;
  await sleep(20);
  expect(call.heard).toEqual(['head', 'end']);
  expect(refused).toEqual(['write before head', 'end before head', 'second head', 'accept after head']);
  await serving.stop();
}

async function survivesNoJson({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  let thrown: unknown;
  const serving = await serve(server, subject, 'q', (call) => {
    call.sendHead({ status: 200, headers: {} });
    try {
      call.end({ big: 1n });
    } catch (error) {
      thrown = error;
    }
  });
  const [badHead, badTrailer] = [
    record(client, callTo(subject, { head: { big: 1n } })),
    record(client, callTo(subject)),
  ];
  await Promise.all([badHead.finished, badTrailer.finished]);
  expect(badHead.error?.gateway?.code).toBe('internal_error');
  expect(badTrailer.error?.gateway?.code).toBe('internal_error');
  expect(thrown).toBeInstanceOf(TypeError);
  await serving.stop();
}
