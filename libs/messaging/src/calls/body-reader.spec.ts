import { describe, expect, it } from '@jest/globals';
import { bodyPullWindow } from '../frame.js';
import { hashOf } from '../testing/made-source.js';
import { BodyReader } from './body-reader.js';

const nothing = new Uint8Array(0);

/** A reader of a body that is pulled, and what it asked for. */
function pulled(length: number): { reader: BodyReader; pulls: [number, number][] } {
  const pulls: [number, number][] = [];
  const reader = new BodyReader({ bytes: nothing, length }, (opening, total) => pulls.push([opening, total]));
  return { reader, pulls };
}

describe('the reader of a request body', () => {
  it('asks for a window, and for more as it is read', async () => {
    const { reader, pulls } = pulled(3 * bodyPullWindow);
    const stream = reader.open();
    expect(pulls).toEqual([[1, bodyPullWindow]]);
    expect(reader.take(1, 0, Buffer.alloc(bodyPullWindow))).toBe(true);
    expect(pulls).toHaveLength(1);
    stream.resume();
    await new Promise(setImmediate);
    expect(pulls).toEqual([
      [1, bodyPullWindow],
      [1, 2 * bodyPullWindow],
    ]);
  });

  it('drops what an earlier opening had asked for', async () => {
    const { reader } = pulled(3);
    reader.open();
    expect(reader.take(1, 0, Buffer.from('a'))).toBe(true);
    const stream = reader.open();
    expect(reader.take(1, 1, Buffer.from('b'))).toBe(true);
    expect(reader.take(2, 0, Buffer.from('abc'))).toBe(true);
    expect((await hashOf(stream)).bytes).toBe(3);
  });

  it('notices what is lost, too much, or not asked for', () => {
    const lost = pulled(100).reader;
    lost.open();
    expect(lost.take(1, 10, Buffer.alloc(10))).toBe(false);

    const silent = pulled(100).reader;
    silent.open();
    expect(silent.take(1, 0, nothing)).toBe(true);
    expect(silent.take(1, 10, nothing)).toBe(false);

    const tooLong = pulled(100).reader;
    tooLong.open();
    expect(tooLong.take(1, 0, Buffer.alloc(101))).toBe(false);

    const beyond = pulled(2 * bodyPullWindow).reader;
    beyond.open();
    expect(beyond.take(1, 0, Buffer.alloc(bodyPullWindow))).toBe(true);
    expect(beyond.take(1, bodyPullWindow, Buffer.alloc(1))).toBe(false);
  });

  it('ends the stream of a reader that throws, and nothing else', async () => {
    const { reader } = pulled(10);
    const stream = reader.open();
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.on('data', () => {
      throw new Error('a bug of the reader');
    });
    await new Promise(setImmediate);
    expect(reader.take(1, 0, Buffer.alloc(5))).toBe(true);
    await closed;
    expect(stream.errored?.message).toBe('a bug of the reader');
  });

  it('has no more openings than a frame can tell apart', () => {
    const { reader } = pulled(10);
    for (let opening = 1; opening <= 255; opening++) reader.open();
    expect(() => reader.open()).toThrow('at most 255 times');
  });

  it('gives nothing after the end of its call', async () => {
    const { reader, pulls } = pulled(10);
    reader.close('cancel');
    await expect(hashOf(reader.open())).rejects.toThrow('not sent any further: cancel');
    expect(pulls).toEqual([]);
  });
});
