import { describe, expect, it } from '@jest/globals';
import { SseMeter } from './sse-meter.js';

const stream = Buffer.from(
  'data: {"a":1}\n\ndata: {"a":2}\n\n: comment\n\ndata: {"text":"x\\n\\ny"}\n\ndata: [DONE]\n\n',
);

describe('SseMeter', () => {
  it('counts the same wherever the bytes are split', () => {
    for (let first = 0; first <= stream.length; first++) {
      for (let second = first; second <= stream.length; second += 3) {
        const meter = new SseMeter();
        for (const piece of [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)]) {
          meter.see(piece);
        }
        expect([first, second, meter.events, meter.betweenEvents]).toEqual([first, second, 5, true]);
      }
    }
  });

  it('knows whether it is between two events', () => {
    const meter = new SseMeter();
    expect(meter.betweenEvents).toBe(true);
    for (const [piece, between] of [
      ['data: a', false],
      ['\n', false],
      ['\n', true],
      ['data: b\n\n', true],
      ['d', false],
      ['\n\n', true],
    ] as const) {
      meter.see(Buffer.from(piece));
      expect([piece, meter.betweenEvents]).toEqual([piece, between]);
    }
  });
});
