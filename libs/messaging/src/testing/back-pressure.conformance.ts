import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { BusUnderTest, Sides } from './bus-under-test.js';
import type { IncomingCall } from '../bus.js';
import { initialWindow, largestWindow } from '../frame.js';
import { freshSubject } from './fresh-subject.js';
import { callTo, record, serve } from './recorded-sink.js';

const waitingUpstream = 200 * 1024 * 1024;
const chunkBytes = 16 * 1024;
const mostGrowth = 40 * 1024 * 1024;

/** A slow reader slows the writer, and memory stays flat. */
export function describeBackPressure(sides: () => Sides, adapter: () => BusUnderTest): void {
  describe('back-pressure', () => {
    it(
      'keeps 200 MB upstream while the reader stops, and delivers them all when it goes on',
      () => stopsTheWriter(sides(), adapter().stallMs),
      90_000,
    );
    it('lets a reader that stops midway hold back no more than the grown window', () => stopsMidway(sides()), 30_000);
  });
}

/** Writes `waitingUpstream` bytes as fast as it may; counts what was taken off its hands. */
function producer(total: number): { accepted: number; produce: (call: IncomingCall) => Promise<void> } {
  const chunk = Buffer.alloc(chunkBytes, 7);
  const state = {
    accepted: 0,
    produce: async (call: IncomingCall): Promise<void> => {
      call.sendHead({ status: 200, headers: {} });
      while (state.accepted < total && !call.signal.aborted) {
        const room = call.write(chunk);
        state.accepted += chunk.length;
        if (!room) await call.writable();
      }
      call.end();
    },
  };
  return state;
}

async function stopsTheWriter({ client, server }: Sides, stallMs: number): Promise<void> {
  const subject = freshSubject();
  const upstream = producer(waitingUpstream);
  const serving = await serve(server, subject, 'q', (call) => void upstream.produce(call));
  const before = process.memoryUsage().rss;
  const call = record(client, callTo(subject, { deadlineMs: 120_000 }), { grants: false, keepsData: false });
  let mostRss = 0;
  for (let waited = 0; waited < stallMs; waited += 100) {
    await sleep(100);
    mostRss = Math.max(mostRss, process.memoryUsage().rss);
  }
  expect(call.received).toBe(initialWindow);
  expect(upstream.accepted).toBeLessThanOrEqual(initialWindow + chunkBytes);
  expect(mostRss - before).toBeLessThan(mostGrowth);

  let granted = 0;
  const reader = setInterval(() => {
    call.handle.grant(call.received - granted);
    granted = call.received;
  }, 0);
  await call.finished;
  clearInterval(reader);
  expect(call.error).toBeUndefined();
  expect(call.received).toBe(waitingUpstream);
  await serving.stop();
}

async function stopsMidway({ client, server }: Sides): Promise<void> {
  const subject = freshSubject();
  const upstream = producer(waitingUpstream);
  const serving = await serve(server, subject, 'q', (call) => void upstream.produce(call));
  let read = 0;
  const stopAfter = 5 * 1024 * 1024;
  const handle = client.call(callTo(subject), {
    onHead: () => {},
    onData: (chunk) => {
      if (read + chunk.length > stopAfter) return;
      read += chunk.length;
      handle.grant(chunk.length);
    },
    onEnd: () => {},
    onError: () => {},
  });
  await sleep(1_500);
  expect(read).toBeGreaterThan(stopAfter / 2);
  expect(upstream.accepted - read).toBeLessThanOrEqual(largestWindow + chunkBytes);
  handle.cancel('seen enough');
  await serving.stop();
}
