import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Sides } from './bus-under-test.js';
import type { IncomingCall } from '../bus.js';
import { collectReply } from '../collect-reply.js';
import { freshSubject } from './fresh-subject.js';
import { callTo, record, serve } from './recorded-sink.js';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Calls that end well. */
export function describeCalls(sides: () => Sides): void {
  describe('a call', () => {
    it('carries head, body, deadline and trace, and answers in order', () => answersInOrder(sides()));
    it('shares no object between the two sides', () => sharesNothing(sides()));
    it('carries an empty reply, and a trailer that is absent', () => carriesNothing(sides()));
    it('takes a request body of 20 MB', () => takesLargeBody(sides()), 30_000);
    it('takes a reply that is written in one piece of 8 MB', () => takesLargeWrite(sides()), 30_000);
    it('may be one of 2,000 at once', () => servesManyAtOnce(sides()), 60_000);
    it('goes to one server of the queue, and all servers get some', () => sharesTheWork(sides()));
    it('never calls the sink before it has returned its handle', () => returnsFirst(sides()));
  });
}

async function answersInOrder({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const seen: IncomingCall[] = [];
  const serving = await serve(server, subject, 'q', (call) => {
    seen.push(call);
    call.accept({ attempt: 1 });
    call.note({ attempt: 2 });
    call.sendHead({ status: 201, headers: { 'x-one': 'ü' } });
    call.write(Buffer.from('hello '));
    call.write(Buffer.from('world'));
    call.note({ attempt: 3 });
    call.end({ provider: 'p' });
  });
  const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
  const head = { model: 'm', text: '日本 "quoted"' };
  const call = record(client, callTo(subject, { head, body: Buffer.from('body'), deadlineMs: 5_000, trace }));
  await call.finished;
  expect(call.error).toBeUndefined();
  // Data of one turn may arrive in one piece; its place among the rest may not change.
  const order = call.heard.filter((event, index) => event !== 'data' || call.heard[index - 1] !== 'data');
  expect(order).toEqual(['note', 'note', 'head', 'data', 'note', 'end']);
  expect(call.notes).toEqual([{ attempt: 1 }, { attempt: 2 }, { attempt: 3 }]);
  expect(call.head).toEqual({ status: 201, headers: { 'x-one': 'ü' } });
  expect(Buffer.concat(call.chunks).toString()).toBe('hello world');
  expect(call.trailer).toEqual({ provider: 'p' });
  expect(seen).toHaveLength(1);
  expect(seen[0]?.head).toEqual(head);
  expect(Buffer.from(seen[0]?.body ?? []).toString()).toBe('body');
  expect(seen[0]?.deadlineMs).toBe(5_000);
  expect(seen[0]?.trace).toEqual(trace);
  expect(seen[0]?.signal.aborted).toBe(false);
  await serving.stop();
}

async function sharesNothing({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const trailer: Record<string, unknown> = { list: [1], gone: undefined };
  let received: { list: number[] } | undefined;
  const serving = await serve(server, subject, 'q', (call) => {
    received = call.head as { list: number[] };
    received.list.push(2);
    call.sendHead({ status: 200, headers: {} });
    call.end(trailer);
  });
  const head = { list: [1], gone: undefined };
  const call = record(client, callTo(subject, { head }));
  head.list.push(99);
  await call.finished;
  expect(received).toEqual({ list: [1, 2] });
  expect(head.list).toEqual([1, 99]);
  expect(call.trailer).toEqual({ list: [1] });
  expect(Object.keys(call.trailer as object)).toEqual(['list']);
  (call.trailer as { list: number[] }).list.push(3);
  expect(trailer['list']).toEqual([1]);
  await serving.stop();
}

async function carriesNothing({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const serving = await serve(server, subject, 'q', (call) => {
    call.accept();
    call.sendHead({ status: 204, headers: {} });
    call.write(Buffer.alloc(0));
    call.end();
  });
  const call = record(client, callTo(subject));
  await call.finished;
  expect(call.heard.filter((what) => what !== 'data')).toEqual(['note', 'head', 'end']);
  expect(call.received).toBe(0);
  expect(call.notes).toEqual([undefined]);
  expect(call.trailer).toBeUndefined();
  await serving.stop();
}

async function takesLargeBody({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const serving = await serve(server, subject, 'q', (call) => {
    call.sendHead({ status: 200, headers: {} });
    call.end({ bytes: call.body.length, sha256: sha256(call.body) });
  });
  const body = randomBytes(20 * 1024 * 1024);
  const [large, small] = await Promise.all([
    collectReply(client, callTo(subject, { body })),
    collectReply(client, callTo(subject, { body: body.subarray(0, 700_000) })),
  ]);
  expect(large.trailer).toEqual({ bytes: body.length, sha256: sha256(body) });
  expect(small.trailer).toEqual({ bytes: 700_000, sha256: sha256(body.subarray(0, 700_000)) });
  await serving.stop();
}

async function takesLargeWrite({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const reply = randomBytes(8 * 1024 * 1024);
  const serving = await serve(server, subject, 'q', (call) => {
    call.sendHead({ status: 200, headers: {} });
    const scratch = Buffer.from(reply);
    call.write(scratch);
    scratch.fill(0); // write() owns nothing once it has returned
    call.end();
  });
  const { body } = await collectReply(client, callTo(subject), reply.length);
  expect(sha256(body)).toBe(sha256(reply));
  await expect(collectReply(client, callTo(subject), 1_000)).rejects.toMatchObject({ reason: 'overflow' });
  await serving.stop();
}

async function servesManyAtOnce({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  let most = 0;
  let open = 0;
  const serving = await serve(server, subject, 'q', (call) => {
    open += 1;
    most = Math.max(most, open);
    setTimeout(() => {
      call.sendHead({ status: 200, headers: {} });
      call.write(call.body);
      open -= 1;
      call.end({ head: call.head });
    }, 500);
  });
  const calls = Array.from({ length: 2_000 }, (_, index) => {
    return collectReply(client, callTo(subject, { head: { index }, body: Buffer.from(`body ${index}`) }));
  });
  for (const [index, reply] of (await Promise.all(calls)).entries()) {
    expect(reply.body.toString()).toBe(`body ${index}`);
    expect(reply.trailer).toEqual({ head: { index } });
  }
  expect(most).toBeGreaterThan(1_000);
  await serving.stop();
}

async function sharesTheWork({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const served = [0, 0];
  const servers = served.map((_, index) =>
    server.serve(subject, 'q', (call) => {
      served[index] = (served[index] ?? 0) + 1;
      call.sendHead({ status: 200, headers: {} });
      call.end();
    }),
  );
  await server.flush();
  await Promise.all(Array.from({ length: 100 }, () => collectReply(client, callTo(subject))));
  expect((served[0] ?? 0) + (served[1] ?? 0)).toBe(100);
  expect(Math.min(...served)).toBeGreaterThan(10);
  await Promise.all(servers.map((serving) => serving.stop()));
}

async function returnsFirst({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const serving = await serve(server, subject, 'q', (call) => {
    call.sendHead({ status: 200, headers: {} });
    call.end();
  });
  for (const target of [subject, freshSubject()]) {
    const call = record(client, callTo(target));
    expect(call.heard).toEqual([]);
    await call.finished;
  }
  await serving.stop();
}
