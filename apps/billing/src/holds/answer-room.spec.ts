import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AnswerRoom, maxStoredBytes } from './answer-room.js';

let stored: Record<string, number>;
let reads: string[];
let room: AnswerRoom;

beforeEach(() => {
  jest.useFakeTimers();
  stored = {};
  reads = [];
  room = new AnswerRoom((id) => {
    reads.push(id);
    return id === 'org_broken' ? Promise.reject(new Error('away')) : Promise.resolve(stored[id] ?? 0);
  });
});
afterEach(() => {
  jest.useRealTimers();
});

describe('the room of an organization', () => {
  it('ends at the limit, to the byte, for each organization by itself', async () => {
    stored['org_1'] = maxStoredBytes - 10;
    expect(await room.take('org_1', 11)).toBe(false);
    expect(await room.take('org_1', 10)).toBe(true);
    expect(await room.take('org_1', 1)).toBe(false);
    expect(await room.take('org_2', maxStoredBytes)).toBe(true);
  });

  it('is not given to two answers at once', async () => {
    stored['org_1'] = maxStoredBytes - 10;
    const taken = await Promise.all(Array.from({ length: 5 }, () => room.take('org_1', 6)));
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(reads).toEqual(['org_1']);
  });

  it('is read again after ten seconds, when answers may have been forgotten', async () => {
    stored['org_1'] = maxStoredBytes;
    expect(await room.take('org_1', 1)).toBe(false);
    stored['org_1'] = 0;
    jest.advanceTimersByTime(9_999);
    expect(await room.take('org_1', 1)).toBe(false);
    jest.advanceTimersByTime(1);
    expect(await room.take('org_1', 1)).toBe(true);
    expect(reads).toHaveLength(2);
  });

  it('that cannot be read is asked for anew', async () => {
    await expect(room.take('org_broken', 1)).rejects.toThrow('away');
    await expect(room.take('org_broken', 1)).rejects.toThrow('away');
    expect(reads).toHaveLength(2);
  });
});
