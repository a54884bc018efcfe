import { Redis } from 'ioredis';
import type { Logger } from '#libs/telemetry';

/** Longer than this a request does not wait for Redis: limits are then counted in this process. */
const commandTimeoutMs = 100;
const longestRetryMs = 2_000;
const logEveryMs = 30_000;

/** A connection that fails at once while Redis is away, and comes back by itself. */
export function connectLimitRedis(url: string, logger: Logger): Redis {
  const redis = new Redis(url, {
    commandTimeout: commandTimeoutMs,
    connectTimeout: 2_000,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(longestRetryMs, 50 * times),
  });
  let loggedAt = -logEveryMs;
  redis.on('error', (error: Error) => {
    if (performance.now() - loggedAt < logEveryMs) return;
    loggedAt = performance.now();
    logger.warn({ reason: error.message }, 'Redis is away; rate limits are counted per process until it is back');
  });
  return redis;
}
