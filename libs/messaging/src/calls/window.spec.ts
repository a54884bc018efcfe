import { describe, expect, it } from '@jest/globals';
import { initialWindow, largestWindow } from '../frame.js';
import { ReceiveWindow, SendWindow } from './window.js';

describe('the credit window', () => {
  it('grants nothing for a short reply', () => {
    const reader = new ReceiveWindow();
    expect(reader.receive(10_000)).toBe(true);
    expect(reader.consume(10_000)).toBe(-1);
  });

  it('grows for a reader that keeps up and stays for one that does not', () => {
    const fast = new ReceiveWindow();
    let granted = initialWindow;
    for (let read = 0; read < 4 * largestWindow; read += 8_192) {
      expect(fast.receive(8_192)).toBe(true);
      const total = fast.consume(8_192);
      if (total >= 0) granted = total - read;
    }
    expect(granted).toBeGreaterThan(initialWindow);
    expect(granted).toBeLessThanOrEqual(largestWindow + 8_192);

    const slow = new ReceiveWindow();
    slow.receive(initialWindow);
    expect(slow.consume(initialWindow / 2)).toBe(initialWindow / 2 + initialWindow);
  });

  it('notices a sender that goes beyond it', () => {
    const reader = new ReceiveWindow();
    expect(reader.receive(initialWindow)).toBe(true);
    expect(reader.receive(1)).toBe(false);
  });

  it('counts no byte as read that has not come', () => {
    const reader = new ReceiveWindow();
    reader.receive(100);
    expect(reader.consume(1_000_000)).toBe(-1);
  });

  it('is repaired by the next grant when one was lost, and ignores old ones', () => {
    const sender = new SendWindow(100);
    sender.spend(100);
    expect(sender.raise(300)).toBe(true);
    expect(sender.raise(200)).toBe(false);
    expect(sender.room).toBe(200);
  });

  it('goes on beyond 4 GiB', () => {
    const sender = new SendWindow(2 ** 32 - 10);
    sender.spend(2 ** 32 - 10);
    expect(sender.raise(20)).toBe(true);
    expect(sender.room).toBe(30);
  });
});
