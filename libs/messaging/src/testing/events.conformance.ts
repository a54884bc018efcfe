import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { BusUnderTest, Sides } from './bus-under-test.js';
import type { Bus, EventDelivery, Server } from '../bus.js';
import { freshSubject } from './fresh-subject.js';

/** Events are stored, batched and delivered until their handler succeeds; broadcasts reach everybody. */
export function describeEvents(adapter: () => BusUnderTest): void {
  const withSides = async (test: (sides: Sides) => Promise<void>): Promise<void> => {
    const client = await adapter().connect();
    const server = await adapter().peerOf(client);
    await test({ client, server });
    await Promise.all([client.drain(2_000), server.drain(2_000)]);
  };

  describe('events', () => {
    it('reach a consumer that comes later', () => withSides(reachesLateConsumer));
    it('come in order and in batches', () => withSides(comeInBatches));
    it('are delivered again when their handler fails', () => withSides(comeAgain), 15_000);
    it('are not held up for long by one that always fails', () => withSides(passTheBadOne), 15_000);
    it('that were published are stored before drain is over', () => withSides(surviveDrain), 15_000);
    it('of other subjects are not delivered', () => withSides(keepsToItsSubject));
  });

  describe('a broadcast', () => {
    it('reaches every process and every listener', () => withSides(reachesAll));
    it('outlives a listener that throws', () => withSides(outlivesThrower));
  });
}

/** Consumes into a list; `done` resolves when `count` events were handled. */
async function collect(
  bus: Bus,
  subject: string,
  count: number,
): Promise<{ server: Server; batches: EventDelivery[][]; done: Promise<void> }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const batches: EventDelivery[][] = [];
  let handled = 0;
  const options = { subject, durable: subject.replaceAll('.', '-'), maxBatch: 128 };
  const server = await bus.consumeEvents(options, (batch) => {
    batches.push([...batch]);
    handled += batch.length;
    if (handled >= count) resolve();
    return sleep(1);
  });
  return { server, batches, done: promise };
}

async function reachesLateConsumer({ client, server }: Sides): Promise<void> {
  const subject = freshSubject('usage.v1.test');
  const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
  const published = client.publishEvent(subject, { n: 1 }, trace);
  await sleep(100);
  const { batches, done } = await collect(server, subject, 1);
  await Promise.all([published, done]);
  expect(batches).toEqual([[{ subject, event: { n: 1 }, trace, deliveries: 1 }]]);
}

async function comeInBatches({ client, server }: Sides): Promise<void> {
  const subject = freshSubject('usage.v1.test');
  const { batches, done } = await collect(server, subject, 1_000);
  const event = { n: 0 };
  const published: Promise<void>[] = [];
  for (event.n = 0; event.n < 1_000; event.n++) published.push(client.publishEvent(subject, event));
  await Promise.all([...published, done]);
  const numbers = batches.flat().map((delivery) => (delivery.event as { n: number }).n);
  expect(numbers).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
  expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThanOrEqual(128);
  expect(batches.length).toBeLessThan(100);
}

async function comeAgain({ client, server }: Sides): Promise<void> {
  const subject = freshSubject('usage.v1.test');
  const seen: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  await server.consumeEvents({ subject, durable: subject.replaceAll('.', '-'), maxBatch: 10 }, ([delivery]) => {
    seen.push(delivery?.deliveries ?? 0);
    if (seen.length < 3) return Promise.reject(new Error('the database is away'));
    resolve();
    return Promise.resolve();
  });
  await Promise.all([client.publishEvent(subject, { n: 1 }), promise]);
  await sleep(300);
  expect(seen).toEqual([1, 2, 3]);
}

async function passTheBadOne({ client, server }: Sides): Promise<void> {
  const subject = freshSubject('usage.v1.test');
  const good: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  let bad = true;
  await server.consumeEvents({ subject, durable: subject.replaceAll('.', '-'), maxBatch: 10 }, (batch) => {
    const numbers = batch.map((delivery) => (delivery.event as { n: number }).n);
    if (bad && numbers.includes(0)) return Promise.reject(new Error('a bad event'));
    good.push(...numbers);
    if (good.length === 5) resolve();
    return Promise.resolve();
  });
  const published: Promise<void>[] = [];
  for (let n = 0; n < 6; n++) {
    published.push(client.publishEvent(subject, { n }));
    await sleep(20);
  }
  await promise;
  expect(good.toSorted()).toEqual([1, 2, 3, 4, 5]);
  bad = false;
  await Promise.all(published);
}

async function surviveDrain({ client, server }: Sides): Promise<void> {
  const subject = freshSubject('usage.v1.test');
  const { batches, done } = await collect(server, subject, 300);
  const published = Promise.all(Array.from({ length: 300 }, (_, n) => client.publishEvent(subject, { n })));
  await client.drain(5_000);
  await Promise.all([published, done]);
  expect(batches.flat()).toHaveLength(300);
}

async function keepsToItsSubject({ client, server }: Sides): Promise<void> {
  const [mine, other] = [freshSubject('usage.v1.test'), freshSubject('usage.v1.test')];
  const consumer = await collect(server, mine, 1);
  const others = await collect(server, other, 1);
  await Promise.all([client.publishEvent(other, { n: 2 }), client.publishEvent(mine, { n: 1 })]);
  await Promise.all([consumer.done, others.done]);
  expect(consumer.batches.flat().map(({ event }) => event)).toEqual([{ n: 1 }]);
  expect(others.batches.flat().map(({ event }) => event)).toEqual([{ n: 2 }]);
}

async function reachesAll({ client, server }: Sides): Promise<void> {
  const subject = freshSubject('broadcast.v1.test');
  const heard: unknown[] = [];
  const listeners = [client, server, server].map((bus) => bus.onBroadcast(subject, (payload) => heard.push(payload)));
  await sleep(100);
  const payload = { keyId: 'key_1' };
  client.broadcast(subject, payload);
  payload.keyId = 'changed afterwards';
  await sleep(200);
  expect(heard).toEqual([{ keyId: 'key_1' }, { keyId: 'key_1' }, { keyId: 'key_1' }]);
  await Promise.all(listeners.map((listener) => listener.stop()));
  await sleep(50);
  client.broadcast(subject, { keyId: 'key_2' });
  await sleep(100);
  expect(heard).toHaveLength(3);
}

async function outlivesThrower({ client, server }: Sides): Promise<void> {
  const subject = freshSubject('broadcast.v1.test');
  const heard: unknown[] = [];
  server.onBroadcast(subject, () => {
    throw new Error('a bug of a listener');
  });
  server.onBroadcast(subject, (payload) => heard.push(payload));
  await sleep(100);
  client.broadcast(subject, { n: 1 });
  client.broadcast(subject, { n: 2 });
  await sleep(200);
  expect(heard).toEqual([{ n: 1 }, { n: 2 }]);
}
