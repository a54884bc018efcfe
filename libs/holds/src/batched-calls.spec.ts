import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { GatewayError } from '#libs/contracts';
import { type Bus, createInProcessBus, type IncomingCall } from '#libs/messaging';
import { BatchedCalls } from './batched-calls.js';

const subject = 'call.v1.test.double';
let bus: Bus;
let calls: BatchedCalls<number, number>;
/** What each message brought. */
let messages: number[][];

beforeEach(() => {
  bus = createInProcessBus();
  messages = [];
  calls = new BatchedCalls(bus, {
    subject,
    bodyOf: (items) => ({ items }),
    resultsOf: (reply) => reply as number[],
    tryMs: 5_000,
    tries: 2,
  });
});

afterEach(async () => {
  await bus.drain(100);
});

/** Answers with the doubles, or with whatever `answer` makes of the n-th message. */
function serve(answer = (items: readonly number[], _n: number): unknown => items.map((item) => item * 2)): void {
  bus.serve(subject, 'test', (call: IncomingCall) => {
    const { items } = JSON.parse(Buffer.from(call.body).toString()) as { items: number[] };
    messages.push(items);
    const reply = answer(items, messages.length);
    if (reply instanceof GatewayError) {
      call.fail(reply.toJson());
      return;
    }
    call.sendHead({ status: 200, headers: {} });
    call.write(Buffer.from(JSON.stringify(reply)));
    call.end();
  });
}

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const askAll = (count: number): Promise<number[]> => Promise.all(range(count).map((n) => calls.ask(n)));

describe('calls in batches', () => {
  it('travel in one message if they are made in one turn', async () => {
    serve();
    expect(await askAll(3)).toEqual([0, 2, 4]);
    expect(messages).toEqual([[0, 1, 2]]);
  });

  it('travel by 128 at most, and each gets its own answer', async () => {
    serve();
    expect(await askAll(300)).toEqual(range(300).map((n) => n * 2));
    expect(messages.map((items) => items.length)).toEqual([128, 128, 44]);
  });

  it('are asked again with the same items after a failure', async () => {
    serve((items, n) => (n === 1 ? new GatewayError('ledger_unavailable', 'away') : items));
    expect(await askAll(2)).toEqual([0, 1]);
    expect(messages).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it('fail closed when the answer is short, no JSON, or of no server at all', async () => {
    const unavailable = { code: 'ledger_unavailable', retryAfterSeconds: 2 };
    await expect(calls.ask(1)).rejects.toMatchObject(unavailable);
    serve(() => []);
    await expect(calls.ask(1)).rejects.toMatchObject(unavailable);
    expect(messages).toHaveLength(2);
  });

  it('say that they may have been done when only their answer was lost and then nobody was there', async () => {
    const server = bus.serve(subject, 'test', (call) => {
      call.fail(new GatewayError('ledger_unavailable', 'the answer was lost').toJson());
      void server.stop(); // the next try finds nobody
    });
    await expect(calls.ask(1)).rejects.toMatchObject({ cause: { reason: 'remote' } });
    await expect(calls.ask(1)).rejects.toMatchObject({ cause: { reason: 'no_responders' } });
  });

  it('are refused at once beyond the limit, and accepted again later', async () => {
    serve();
    const accepted = askAll(20_000);
    await expect(calls.ask(1)).rejects.toMatchObject({ code: 'ledger_unavailable' });
    await accepted;
    expect(await calls.ask(1)).toBe(2);
  });

  it('say that the gateway stops when it does, without a second try', async () => {
    serve();
    await bus.drain(100);
    await expect(calls.ask(1)).rejects.toMatchObject({ code: 'server_shutting_down', retryAfterSeconds: 1 });
    expect(messages).toEqual([]);
  });
});
