import type { ReadRequest } from './intake.js';

/** Of requests that are held in full: no stream of theirs is cut for want of money, or asks for more. */
export const heldInFull: ReturnType<ReadRequest['hold']> = { outputTokens: Number.MAX_SAFE_INTEGER, extensible: false };

/** Tokenizers make a token of three to five bytes: two is an upper bound, four what is likely. */
export const leastBytesPerToken = 2;
export const likelyBytesPerToken = 4;

/** At most so many tokens. */
export function mostTokens(bytes: number): number {
  return Math.ceil(bytes / leastBytesPerToken);
}

/** About so many tokens. */
export function likelyTokens(bytes: number): number {
  return Math.ceil(bytes / likelyBytesPerToken);
}
