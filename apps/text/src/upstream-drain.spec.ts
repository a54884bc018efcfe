import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { UpstreamDrain } from './upstream-drain.js';

afterEach(() => void jest.useRealTimers());

describe('UpstreamDrain', () => {
  function drain() {
    jest.useFakeTimers();
    let stop: () => void = () => undefined;
    let given = 0;
    const running = new UpstreamDrain({ whenStopping: (listener) => (stop = listener) }, () => given++);
    return { running, stop: () => stop(), given: () => given };
  }

  it('gives up after a minute', () => {
    const { given } = drain();
    jest.advanceTimersByTime(59_999);
    expect(given()).toBe(0);
    jest.advanceTimersByTime(1);
    expect(given()).toBe(1);
  });

  it('gives up when the process stops', () => {
    const { stop, given } = drain();
    stop();
    expect(given()).toBe(1);
  });

  it('leaves no timer behind', () => {
    const { running, given } = drain();
    running.end();
    jest.advanceTimersByTime(120_000);
    expect([given(), jest.getTimerCount()]).toEqual([0, 0]);
  });
});
