import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

/** What is left of a limit after a request took its part. */
export interface Counted {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds until the minute is over and all of the limit is back. */
  readonly resetMs: number;
}

const seconds = 60;
/** Different limits in use at once; beyond it the least used one starts its minute anew. */
const maxLimiters = 5_000;

/**
 * Amounts per minute: in Redis for all processes together, in this process alone where there is no Redis or while it
 * is away. Never open.
 */
export class MinuteCounters {
  private readonly limiters = new LRUCache<number, RateLimiterAbstract>({ max: maxLimiters });

  constructor(
    private readonly what: 'rpm' | 'tpm',
    private readonly redis: Redis | undefined,
  ) {}

  /** Takes `amount` of the limit under `key`. */
  async take(key: string, limit: number, amount: number): Promise<Counted> {
    try {
      return countedOf(await this.limiterOf(limit).consume(key, amount), limit, true);
    } catch (rejection) {
      if (rejection instanceof RateLimiterRes) return countedOf(rejection, limit, false);
      throw rejection;
    }
  }

  /** Gives back what was taken too much, or takes what was estimated too little. */
  async correct(key: string, limit: number, amount: number): Promise<void> {
    const limiter = this.limiterOf(limit);
    if (amount > 0) await limiter.penalty(key, amount);
    else if (amount < 0) await limiter.reward(key, -amount);
  }

  private limiterOf(limit: number): RateLimiterAbstract {
    const known = this.limiters.get(limit);
    if (known) return known;
    const settings = { points: limit, duration: seconds, keyPrefix: `modapi:${this.what}:${limit}` };
    const local = new RateLimiterMemory(settings);
    const limiter = this.redis
      ? new RateLimiterRedis({
          ...settings,
          storeClient: this.redis,
          rejectIfRedisNotReady: true,
          insuranceLimiter: local,
        })
      : local;
    this.limiters.set(limit, limiter);
    return limiter;
  }
}

function countedOf({ remainingPoints, msBeforeNext }: RateLimiterRes, limit: number, allowed: boolean): Counted {
  return { allowed, limit, remaining: Math.max(0, remainingPoints), resetMs: Math.max(0, msBeforeNext) };
}
