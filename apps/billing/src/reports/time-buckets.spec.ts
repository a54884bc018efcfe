import { describe, expect, it } from '@jest/globals';
import { bucketsOf, piecesOf } from './time-buckets.js';

const day = 86_400;
const hour = 3_600;
const midnight = 20_000 * day;

describe('piecesOf', () => {
  it('takes whole days from the roll-ups by day', () => {
    expect(piecesOf({ start: midnight, end: midnight + 3 * day }, day)).toEqual([
      { grain: 'day', start: midnight, end: midnight + 3 * day },
    ]);
  });

  it('takes what sticks out from finer roll-ups', () => {
    const start = midnight + day - 90 * 60;
    const end = midnight + 2 * day + hour + 60;
    expect(piecesOf({ start, end }, day)).toEqual([
      { grain: 'minute', start, end: midnight + day - hour },
      { grain: 'hour', start: midnight + day - hour, end: midnight + day },
      { grain: 'day', start: midnight + day, end: midnight + 2 * day },
      { grain: 'hour', start: midnight + 2 * day, end: midnight + 2 * day + hour },
      { grain: 'minute', start: midnight + 2 * day + hour, end },
    ]);
  });

  it('uses no roll-up that is wider than a bucket', () => {
    expect(piecesOf({ start: midnight, end: midnight + day }, 60)).toEqual([
      { grain: 'minute', start: midnight, end: midnight + day },
    ]);
    expect(piecesOf({ start: midnight, end: midnight + day }, hour)).toEqual([
      { grain: 'hour', start: midnight, end: midnight + day },
    ]);
  });

  it.each([60, hour, day])('covers any range once, without a gap, for buckets of %d s', (bucketSeconds) => {
    for (let index = 0; index < 500; index++) {
      const start = midnight + ((index * 7_919) % 4_000) * 60;
      const end = start + (1 + ((index * 104_729) % 6_000)) * 60;
      const pieces = piecesOf({ start, end }, bucketSeconds);
      expect(pieces[0]?.start).toBe(start);
      expect(pieces.at(-1)?.end).toBe(end);
      expect(pieces.slice(1).map((piece) => piece.start)).toEqual(pieces.slice(0, -1).map((piece) => piece.end));
    }
  });

  it('has nothing for an empty range', () => {
    expect(piecesOf({ start: midnight, end: midnight }, day)).toEqual([]);
  });
});

describe('bucketsOf', () => {
  it('cuts at whole UTC days, the first and last where the range ends, as OpenAI does', () => {
    expect(bucketsOf({ start: midnight + 60, end: midnight + 2 * day + 120 }, day, 31)).toEqual([
      { start: midnight + 60, end: midnight + day },
      { start: midnight + day, end: midnight + 2 * day },
      { start: midnight + 2 * day, end: midnight + 2 * day + 120 },
    ]);
  });

  it('stops at the limit', () => {
    expect(bucketsOf({ start: 0, end: 2_000_000_000 }, 60, 2)).toEqual([
      { start: 0, end: 60 },
      { start: 60, end: 120 },
    ]);
  });
});
