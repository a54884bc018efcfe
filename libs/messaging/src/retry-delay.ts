/** Exponential with full upper-half jitter: attempt 1 waits about `firstMs`, and none longer than `longestMs`. */
export function retryDelay(attempt: number, firstMs: number, longestMs: number): number {
  const full = Math.min(firstMs * 2 ** Math.min(attempt - 1, 20), longestMs);
  return Math.ceil(full / 2 + (Math.random() * full) / 2);
}
