import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Bus, EventDelivery, IncomingCall } from '../bus.js';
import { collectReply } from '../collect-reply.js';
import { bodyPartBytes, FrameReader, frameTypes } from '../frame.js';
import type { MessagingLogFields } from '../messaging-logger.js';
import { freshSubject } from '../testing/fresh-subject.js';
import { LocalService } from '../testing/local-service.js';
import { hashOf, MadeSource } from '../testing/made-source.js';
import { callTo, record, serve } from '../testing/recorded-sink.js';
import { startBusProcess } from '../testing/start-bus-process.js';
import { connectNatsBus, connectToNats, natsBusSettings } from './connect-nats-bus.js';
import { NatsBus, type NatsBusSettings } from './nats-bus.js';

/** Only the broker's word that nobody listens there is quicker than this. */
const patient = { pingMs: 5_000, deadMs: 15_000 };
const quick = { pingMs: 100, deadMs: 400, probeMs: 100, eventRetryMs: 20 };

/** The types of the frames in a message between processes. */
function typesIn(data: Uint8Array): number[] {
  const types: number[] = [];
  const reader = new FrameReader(data);
  while (reader.next()) types.push(reader.type);
  return types;
}

describe('the NATS bus under faults', () => {
  let nats: LocalService;
  let server: string;
  const buses: Bus[] = [];

  beforeAll(async () => {
    nats = await LocalService.nats();
    server = `nats://127.0.0.1:${nats.port}`;
  });

  afterEach(async () => {
    await Promise.all(buses.splice(0).map((bus) => bus.drain(100)));
  });

  afterAll(() => nats.stop());

  async function connectRaw(different: Partial<NatsBusSettings> = {}): Promise<[Bus, NatsConnection]> {
    const connection = await connectToNats({ servers: [server], name: 'test' });
    const bus = new NatsBus(connection, natsBusSettings({ ...quick, ...different }));
    buses.push(bus);
    return [bus, connection];
  }

  const connectBus = async (different: Partial<NatsBusSettings> = {}): Promise<Bus> => (await connectRaw(different))[0];

  /** A bus whose messages to other processes are lost when `isLost` says so; also writes down what it sent. */
  async function connectLossy(
    isLost: (types: readonly number[], bytes: number) => boolean,
  ): Promise<{ bus: Bus; sent: (readonly number[])[] }> {
    const [bus, connection] = await connectRaw();
    const sent: (readonly number[])[] = [];
    const publish = connection.publish.bind(connection);
    connection.publish = (subject, data, options) => {
      if (subject.startsWith('_M.') && data instanceof Uint8Array && data.length > 0) {
        const types = typesIn(data);
        if (isLost(types, data.length)) return;
        sent.push(types);
      }
      publish(subject, data, options);
    };
    return { bus, sent };
  }

  describe('a lost frame', () => {
    it('in the middle ends the call in a gap, and the producer is stopped', async () => {
      let dataMessages = 0;
      const client = await connectBus();
      const lossy = await connectLossy((types) => types.includes(frameTypes.data) && ++dataMessages === 3);
      const subject = freshSubject();
      const aborted = Promise.withResolvers<unknown>();
      await serve(lossy.bus, subject, 'q', (call) => {
        call.sendHead({ status: 200, headers: {} });
        const producer = setInterval(() => call.write(Buffer.from('x')), 10);
        call.signal.addEventListener('abort', () => {
          clearInterval(producer);
          aborted.resolve(call.signal.reason);
          call.end();
        });
      });
      const call = record(client, callTo(subject));
      await call.finished;
      expect(call.error?.reason).toBe('gap');
      expect(call.received).toBe(2);
      expect(await aborted.promise).toBe('cancel');
    });

    it('before a silence is found by the next sign of life', async () => {
      const client = await connectBus();
      const lossy = await connectLossy((types) => types.includes(frameTypes.data));
      const subject = freshSubject();
      await serve(lossy.bus, subject, 'q', (call) => {
        call.sendHead({ status: 200, headers: {} });
        setTimeout(() => call.write(Buffer.from('the only one')), 50);
        call.signal.addEventListener('abort', () => call.end());
      });
      const call = record(client, callTo(subject));
      await call.finished;
      expect(call.error?.reason).toBe('gap');
      expect(call.heard).toEqual(['head', 'error']);
    });

    it('at the end ends the call in an error, never in an end', async () => {
      const client = await connectBus();
      const lossy = await connectLossy((types) => types.includes(frameTypes.end));
      const subject = freshSubject();
      await serve(lossy.bus, subject, 'q', (call) => {
        call.sendHead({ status: 200, headers: {} });
        call.write(Buffer.from('all of it'));
        setTimeout(() => call.end(), 50);
      });
      const call = record(client, callTo(subject));
      await call.finished;
      expect(call.error?.reason).toMatch(/^(gap|peer_lost)$/);
      expect(call.heard).toEqual(['head', 'data', 'error']);
    });

    it('of a request body never starts the handler', async () => {
      let bodyMessages = 0;
      const lossy = await connectLossy((types) => types.includes(frameTypes.body) && ++bodyMessages === 2);
      const other = await connectBus();
      const subject = freshSubject();
      let served = 0;
      await serve(other, subject, 'q', () => (served += 1));
      const call = record(lossy.bus, callTo(subject, { body: Buffer.alloc(4 * 1024 * 1024) }));
      await call.finished;
      expect(call.error?.reason).toBe('gap');
      expect(served).toBe(0);
    });
  });

  describe('a body from a source', () => {
    const length = 40 * 1024 * 1024;

    /** Serves one body; tells how its reader ended, and how the call did. */
    async function serveBody(bus: Bus, subject: string): Promise<() => Promise<unknown[]>> {
      const told = Promise.withResolvers<unknown[]>();
      const read = async (call: IncomingCall): Promise<void> => {
        const ended = await hashOf(call.openBody()).catch((error: Error) => error.message);
        told.resolve([ended, call.signal.reason]);
        call.sendHead({ status: 200, headers: {} });
        call.end();
      };
      await serve(bus, subject, 'q', (call) => void read(call));
      return () => told.promise;
    }

    it.each([
      ['in the middle', 100, false],
      ['at the end, by the next sign of life', Math.ceil(length / bodyPartBytes), true],
    ])('of which a frame is lost %s ends in a gap on both sides', async (_, lost, isLast) => {
      let parts = 0;
      // Not the signs of life, which are empty.
      const isPart = (types: readonly number[], bytes: number): boolean =>
        bytes > 1_000 && types.includes(frameTypes.part);
      const lossy = await connectLossy((types, bytes) => isPart(types, bytes) && ++parts === lost);
      const subject = freshSubject();
      const told = await serveBody(await connectBus(), subject);
      const source = new MadeSource(length);
      const call = record(lossy.bus, callTo(subject, { body: source }));
      await call.finished;
      expect(call.error?.reason).toBe('gap');
      expect(await told()).toEqual([expect.stringContaining('not sent any further'), 'peer_lost']);
      expect(source.bytesRead === length).toBe(isLast);
      const { reads } = source;
      await sleep(100);
      expect(source.reads).toBe(reads);
    });

    it('of which a request for more is lost ends in a gap on both sides', async () => {
      let pulls = 0;
      const lossy = await connectLossy((types) => types.includes(frameTypes.bodyPull) && ++pulls === 3);
      const subject = freshSubject();
      const told = await serveBody(lossy.bus, subject);
      const call = record(await connectBus(), callTo(subject, { body: new MadeSource(length) }));
      await call.finished;
      expect(call.error?.reason).toBe('gap');
      expect(await told()).toEqual([expect.stringContaining('not sent any further'), 'cancel']);
    });

    it('is read no further when the process that reads it is killed', async () => {
      const subject = freshSubject();
      const worker = await startBusProcess('serve', server, subject);
      const source = new MadeSource(2 ** 32 - 1);
      const call = record(await connectBus(patient), callTo(subject, { body: source }));
      await source.hasRead(10 * 1024 * 1024);
      worker.kill('SIGKILL');
      await call.finished;
      expect(call.error?.reason).toBe('peer_lost');
      const { reads } = source;
      await sleep(100);
      expect(source.reads).toBe(reads);
      expect(source.bytesRead).toBeLessThan(length * 50);
    }, 20_000);

    it('ends at its reader when the process that sends it is killed', async () => {
      const subject = freshSubject();
      const started = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<unknown[]>();
      const read = async (call: IncomingCall): Promise<void> => {
        const body = call.openBody();
        body.once('data', () => started.resolve());
        const error = await hashOf(body).catch((failure: Error) => failure.message);
        ended.resolve([error, call.signal.reason]);
        call.end();
      };
      await serve(await connectBus(patient), subject, 'q', (call) => void read(call));
      const sender = await startBusProcess('send', server, subject);
      await started.promise;
      sender.kill('SIGKILL');
      expect(await ended.promise).toEqual([expect.stringContaining('peer_lost'), 'peer_lost']);
    }, 20_000);

    it('ends on both sides when our connection breaks', async () => {
      const [client, connection] = await connectRaw();
      const subject = freshSubject();
      const told = await serveBody(await connectBus(), subject);
      const source = new MadeSource(2 ** 32 - 1);
      const call = record(client, callTo(subject, { body: source }));
      await source.hasRead(1024 * 1024);
      await connection.close();
      await call.finished;
      expect(call.error?.reason).toBe('peer_lost');
      expect(await told()).toEqual([expect.stringContaining('peer_lost'), 'peer_lost']);
      const { reads } = source;
      await sleep(100);
      expect(source.reads).toBe(reads);
    });
  });

  describe('a process that vanishes', () => {
    it('as worker ends its calls in peer_lost long before the dead interval; those of others go on', async () => {
      const client = await connectBus(patient);
      const subject = freshSubject();
      const worker = await startBusProcess('serve', server, subject);
      const doomed = record(client, callTo(subject), { keepsData: false });
      await doomed.reached('data');
      const survivor = await connectBus();
      await serve(survivor, subject, 'q', endless);
      // The queue group spreads the calls over both: take one that the survivor has.
      const others = Array.from({ length: 20 }, () => record(client, callTo(subject), { keepsData: false }));
      await Promise.all(others.map((call) => call.reached('data')));
      const exit = once(worker, 'exit');
      worker.kill('SIGKILL');
      await exit;
      const killedAt = performance.now();
      await doomed.finished;
      expect(doomed.error?.reason).toBe('peer_lost');
      expect(performance.now() - killedAt).toBeLessThan(patient.deadMs / 2);
      await sleep(300);
      const lost = others.filter((call) => call.error);
      expect(lost.every((call) => call.error?.reason === 'peer_lost')).toBe(true);
      expect(lost.length).toBeGreaterThan(0);
      expect(lost.length).toBeLessThan(others.length);
      const next = record(client, callTo(subject), { keepsData: false });
      await next.reached('data');
      for (const call of [...others, next]) call.handle.cancel('enough');
    }, 20_000);

    it('as frozen worker ends its calls in peer_lost after the dead interval', async () => {
      const client = await connectBus();
      const subject = freshSubject();
      const worker = await startBusProcess('serve', server, subject);
      const call = record(client, callTo(subject), { keepsData: false });
      await call.reached('data');
      worker.kill('SIGSTOP');
      await call.finished;
      expect(call.error?.reason).toBe('peer_lost');
      worker.kill('SIGKILL');
      await once(worker, 'exit');
    }, 20_000);

    it('as worker of a cancelled call that it did not end is told once, with the notes on their way', async () => {
      const client = await connectBus();
      const subject = freshSubject();
      const worker = await startBusProcess('serve', server, subject);
      const call = record(client, callTo(subject), { keepsData: false });
      await call.reached('data');
      worker.kill('SIGSTOP');
      call.handle.cancel('the caller left');
      const exit = once(worker, 'exit');
      worker.kill('SIGKILL');
      await exit;
      await call.reached('abandoned');
      await sleep(2 * quick.deadMs);
      expect(call.heard.filter((what) => what !== 'data')).toEqual(['note', 'head', 'abandoned']);
      expect(call.lateNotes).toEqual([]);
    }, 20_000);

    it('as our own connection, after a cancel, counts as a server that vanished', async () => {
      const [client, connection] = await connectRaw();
      const other = await connectBus();
      const subject = freshSubject();
      await serve(other, subject, 'q', (call) => call.accept({ attempt: 1 }));
      const call = record(client, callTo(subject));
      await call.reached('note');
      call.handle.cancel('the caller left');
      await connection.close();
      await call.reached('abandoned');
      expect(call.heard).toEqual(['note', 'abandoned']);
    });

    it('is nobody when the server ends a cancelled call, or fails it', async () => {
      const client = await connectBus();
      const other = await connectBus();
      const subject = freshSubject();
      await serve(other, subject, 'q', (call) => {
        call.accept();
        call.signal.addEventListener('abort', () => {
          if ('fails' in (call.head as object)) call.fail({ code: 'internal_error', message: 'x' });
          else setTimeout(() => call.end(), 50);
        });
      });
      const calls = [{}, { fails: true }].map((head) => record(client, callTo(subject, { head })));
      await Promise.all(calls.map((call) => call.reached('note')));
      for (const call of calls) call.handle.cancel('the caller left');
      await sleep(3 * quick.deadMs);
      expect(calls.map((call) => call.heard)).toEqual([['note'], ['note']]);
    });

    it('after a cancel that crossed its note still tells of the note', async () => {
      const client = await connectBus();
      const lossy = await connectLossy((types) => types.includes(frameTypes.end));
      const subject = freshSubject();
      const taken = Promise.withResolvers<void>();
      await serve(lossy.bus, subject, 'q', (call) => {
        call.accept({ attempt: 1 });
        taken.resolve();
        call.signal.addEventListener('abort', () => call.end());
      });
      const call = record(client, callTo(subject));
      // In this turn the note has left, and cannot have come in yet.
      await taken.promise;
      call.handle.cancel('the caller left');
      expect(call.heard).toEqual([]);
      await call.reached('abandoned');
      expect(call.heard).toEqual(['abandoned']);
      expect(call.lateNotes).toEqual([{ attempt: 1 }]);
    });

    it('as client aborts what its worker does, long before the dead interval', async () => {
      const bus = await connectBus(patient);
      const subject = freshSubject();
      const aborted = Promise.withResolvers<unknown>();
      const taken = Promise.withResolvers<void>();
      await serve(bus, subject, 'q', (call) => {
        call.signal.addEventListener('abort', () => aborted.resolve(call.signal.reason));
        endless(call);
        taken.resolve();
      });
      const client = await startBusProcess('call', server, subject);
      await taken.promise;
      client.kill('SIGKILL');
      const killedAt = performance.now();
      expect(await aborted.promise).toBe('peer_lost');
      expect(performance.now() - killedAt).toBeLessThan(patient.deadMs / 2);
    }, 20_000);
  });

  describe('messages', () => {
    it('are one for a reply that is given at once', async () => {
      const client = await connectBus();
      const lossy = await connectLossy(() => false);
      const subject = freshSubject();
      await serve(lossy.bus, subject, 'q', (call) => {
        call.accept({ attempt: 1 });
        call.sendHead({ status: 200, headers: {} });
        call.write(Buffer.from('x'));
        call.end({});
      });
      await collectReply(client, callTo(subject));
      const { accept, note, head, data, end } = frameTypes;
      expect(lossy.sent).toEqual([[accept, note, head, data, end]]);
    });

    it('are few for many chunks of one turn, and for many streams', async () => {
      const client = await connectBus();
      const lossy = await connectLossy(() => false);
      const subject = freshSubject();
      await serve(lossy.bus, subject, 'q', (call) => {
        call.sendHead({ status: 200, headers: {} });
        setTimeout(() => {
          for (let count = 0; count < 64; count++) call.write(Buffer.alloc(100));
          setTimeout(() => call.end(), 20);
        }, 20);
      });
      await Promise.all(Array.from({ length: 50 }, () => collectReply(client, callTo(subject))));
      const frames = lossy.sent.flat().filter((type) => type === frameTypes.data).length;
      // Chunks of one turn of one call share a frame as well.
      expect(frames).toBeGreaterThanOrEqual(50);
      expect(frames).toBeLessThan(100);
      expect(lossy.sent.length).toBeLessThan(60);
    });
  });

  describe('the connection', () => {
    it('that breaks ends the calls in flight on both sides, comes back, and loses no event', async () => {
      const client = await connectBus();
      const worker = await connectBus();
      const subject = freshSubject();
      const event = freshSubject('usage.v1.test');
      const reasons: unknown[] = [];
      await serve(worker, subject, 'q', (call) => {
        call.signal.addEventListener('abort', () => reasons.push(call.signal.reason));
        endless(call);
      });
      await worker.publishEvent(event, { n: 0 });
      const call = record(client, callTo(subject), { keepsData: false });
      await call.reached('data');
      await nats.halt('SIGKILL');
      await call.finished;
      expect(call.error?.reason).toBe('peer_lost');
      const away = record(client, callTo(subject));
      await away.finished;
      expect(away.error?.reason).toBe('no_responders');
      expect([client.connected, worker.connected]).toEqual([false, false]);
      expect(reasons).toEqual(['peer_lost']);
      const stored = Promise.all([1, 2, 3].map((n) => worker.publishEvent(event, { n })));
      await nats.start();
      await stored;
      while (!client.connected || !worker.connected) await sleep(20);
      const again = record(client, callTo(subject), { keepsData: false });
      await again.reached('data');
      again.handle.cancel('enough');
      expect(await eventsUnder(worker, event, 4)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }]);
    }, 30_000);

    it('that stays away does not hold up a drain', async () => {
      const own = await LocalService.nats();
      const bus = await connectNatsBus({ servers: [`nats://127.0.0.1:${own.port}`], name: 'test', ...quick });
      await serve(bus, freshSubject(), 'q', endless);
      await own.stop();
      const lost = bus.publishEvent('usage.v1.test', {}).catch(String);
      const started = performance.now();
      await bus.drain(300);
      expect(performance.now() - started).toBeLessThan(6_000);
      expect(await lost).toContain('could not be stored');
    }, 20_000);

    it('to nobody says so in one sentence without the password', async () => {
      const attempt = connectNatsBus({ servers: ['nats://me:secret@127.0.0.1:1'], name: 'x', connectTimeoutMs: 200 });
      await expect(attempt).rejects.toThrow('NATS does not answer at nats://127.0.0.1:1.');
    });
  });

  describe('events', () => {
    it('are stored once although the acknowledgement was lost', async () => {
      const [bus, connection] = await connectRaw();
      const subject = freshSubject('usage.v1.test');
      const request = connection.request.bind(connection);
      let lost = 0;
      connection.request = async (target, ...rest) => {
        const answer = await request(target, ...rest);
        if (target === subject && lost++ === 0) throw new Error('timeout');
        return answer;
      };
      await bus.publishEvent(subject, { n: 1 });
      await bus.publishEvent(subject, { n: 2 });
      expect(lost).toBe(3);
      expect(await eventsUnder(bus, subject, 2)).toEqual([{ n: 1 }, { n: 2 }]);
    });

    it('live in a file stream that refuses rather than forgets, as the newest settings say', async () => {
      const subject = freshSubject('usage.v1.test');
      await (await connectBus()).publishEvent(subject, {});
      const limits = { replicas: 1, maxBytes: 50_000_000, maxAgeMs: 86_400_000 };
      const [bus, connection] = await connectRaw({ streamLimits: limits });
      await bus.publishEvent(subject, {});
      const { config } = await (await jetstreamManager(connection)).streams.info('USAGE');
      expect(config).toMatchObject({ storage: 'file', discard: 'new', retention: 'limits', max_bytes: 50_000_000 });
      expect(config.duplicate_window).toBe(120_000_000_000);
      await expect(bus.publishEvent('other.v1.subject', {})).rejects.toThrow('no event stream keeps');
    });

    it('that a full stream refuses are not called stored', async () => {
      const streams = [{ name: 'TINY', subjects: ['tiny.v1.>'] }];
      const streamLimits = { replicas: 1, maxBytes: 4_000, maxAgeMs: 86_400_000 };
      const bus = await connectBus({ streams, streamLimits, eventGiveUpMs: 300 });
      const publish = async (n: number): Promise<void> =>
        bus.publishEvent('tiny.v1.test', { n, filler: 'x'.repeat(1_000) });
      await publish(1);
      await publish(2);
      await publish(3);
      await expect(publish(4)).rejects.toThrow('could not be stored');
      expect(await eventsUnder(bus, 'tiny.v1.test', 3)).toHaveLength(3);
    });

    it('are refused by a full queue, which says so', async () => {
      const bus = await connectBus({ maxQueuedEvents: 2 });
      const subject = freshSubject('usage.v1.test');
      const results = await Promise.allSettled([1, 2, 3].map((n) => bus.publishEvent(subject, { n })));
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
      expect(String((results[2] as PromiseRejectedResult).reason)).toContain('queue is full');
    });

    it('that are unreadable are reported and stop no others', async () => {
      const errors: string[] = [];
      const error = (_fields: MessagingLogFields, message: string): number => errors.push(message);
      const [bus, connection] = await connectRaw({ logger: { info: () => {}, warn: () => {}, error } });
      const subject = freshSubject('usage.v1.test');
      await bus.publishEvent(subject, { n: 1 });
      await jetstream(connection).publish(subject, 'not JSON');
      await bus.publishEvent(subject, { n: 2 });
      expect(await eventsUnder(bus, subject, 2)).toEqual([{ n: 1 }, { n: 2 }]);
      expect(errors).toEqual(['an event message is unreadable']);
    });
  });
});

function endless(call: IncomingCall): void {
  call.sendHead({ status: 200, headers: {} });
  const producer = setInterval(() => call.write(Buffer.from('chunk ')), 10);
  call.signal.addEventListener('abort', () => {
    clearInterval(producer);
    call.end();
  });
}

/** The first `count` events of a subject; fails on more. */
async function eventsUnder(bus: Bus, subject: string, count: number): Promise<unknown[]> {
  const events: EventDelivery[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const options = { subject, durable: subject.replaceAll('.', '-'), maxBatch: 100 };
  const consumer = await bus.consumeEvents(options, (batch) => {
    events.push(...batch);
    if (events.length >= count) resolve();
    return Promise.resolve();
  });
  await promise;
  await sleep(100);
  await consumer.stop();
  return events.map(({ event }) => event);
}
