import { describe, expect, it } from '@jest/globals';
import { MediaMemory } from './media-memory.js';

describe('memory for images', () => {
  it('is refused when too much is in use, and given back once', () => {
    const memory = new MediaMemory(100);
    const giveBack = memory.take(60);
    expect(() => memory.take(50)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    giveBack();
    giveBack();
    expect(memory.usedBytes).toBe(0);
    memory.take(100);
  });

  it('is never enough for what is too large', () => {
    expect(() => new MediaMemory(100).take(101)).toThrow(expect.objectContaining({ code: 'request_too_large' }));
  });
});
