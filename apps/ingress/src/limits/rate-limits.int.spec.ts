import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RateLimitRule } from '#libs/contracts';
import { freePort, type GuardedProcess, startGuardedProcess } from '#libs/persistence';
import type { Logger } from '#libs/telemetry';
import { connectLimitRedis } from './limit-redis.js';
import { RateLimits } from './rate-limits.js';

const logger = { warn: () => undefined } as unknown as Logger;
let dir: string;
let port: number;
let server: GuardedProcess;
const open: RateLimits[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'modapi-limits-'));
  port = await freePort();
  server = await startRedis();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((limits) => limits.stop()));
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

function startRedis(): Promise<GuardedProcess> {
  const place = ['--bind', '127.0.0.1', '--port', String(port), '--dir', dir];
  const command = ['redis-server', ...place, '--save', '', '--appendonly', 'no'] as [string, ...string[]];
  return startGuardedProcess({ command, logFile: join(dir, 'redis.log'), stopSignal: 'SIGTERM' });
}

/** As one ingress process has it. */
async function ingress(): Promise<RateLimits> {
  const redis = connectLimitRedis(`redis://127.0.0.1:${port}`, logger);
  for (let tries = 0; redis.status !== 'ready' && tries < 200; tries++) await sleep(20);
  const limits = new RateLimits(redis);
  open.push(limits);
  return limits;
}

let rules = 0;
function rule(change: Partial<RateLimitRule>): RateLimitRule {
  const numbers = { requestsPerMinute: null, tokensPerMinute: null, concurrency: null };
  return { scope: 'key', id: `key_${++rules}`, model: null, ...numbers, ...change };
}
const request = (change: Partial<Parameters<RateLimits['admit']>[1]> = {}) => ({
  requestId: `req_${Math.random()}`,
  model: 'm',
  tokens: 10,
  ...change,
});
/** How many of so many requests at once were let in. */
async function admitted(count: number, limits: readonly RateLimits[], limited: RateLimitRule): Promise<number> {
  const results = await Promise.allSettled(
    Array.from({ length: count }, async (_, index) => limits[index % limits.length]?.admit([limited], request())),
  );
  return results.filter(({ status }) => status === 'fulfilled').length;
}

describe('RateLimits', () => {
  it('counts requests of all processes together', async () => {
    const processes = await Promise.all([ingress(), ingress()]);
    expect(await admitted(30, processes, rule({ requestsPerMinute: 7 }))).toBe(7);
  });

  it('counts slots of all processes together, and gives them back', async () => {
    const [first, second] = await Promise.all([ingress(), ingress()]);
    const limited = rule({ concurrency: 2 });
    const held = await first.admit([limited], request());
    await second.admit([limited], request());
    await expect(second.admit([limited], request())).rejects.toMatchObject({
      code: 'rate_limit_exceeded',
      status: 429,
    });
    held?.finish(undefined);
    for (let tries = 0; tries < 100; tries++) {
      const again = await Promise.resolve(second.admit([limited], request())).catch(() => undefined);
      if (again) return;
      await sleep(10);
    }
    throw new Error('the slot did not come back');
  });

  it('says in headers what is left, and when to come again', async () => {
    const limits = await ingress();
    const limited = rule({ requestsPerMinute: 2, tokensPerMinute: 100 });
    const ticket = await limits.admit([limited], request({ tokens: 30 }));
    expect(ticket?.headers).toEqual([
      ...['x-ratelimit-limit-requests', '2', 'x-ratelimit-remaining-requests', '1'],
      ...['x-ratelimit-reset-requests', expect.stringMatching(/^(1m0s|[\d.]+s)$/)],
      ...['x-ratelimit-limit-tokens', '100', 'x-ratelimit-remaining-tokens', '70'],
      ...['x-ratelimit-reset-tokens', expect.stringMatching(/^(1m0s|[\d.]+s)$/)],
    ]);
    await limits.admit([limited], request({ tokens: 1 }));
    const refusal = await Promise.resolve(limits.admit([limited], request())).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: 'rate_limit_exceeded',
      headers: { 'x-ratelimit-remaining-requests': '0', 'retry-after-ms': expect.stringMatching(/^\d+$/) },
    });
    expect((refusal as { retryAfterSeconds: number }).retryAfterSeconds).toBeGreaterThanOrEqual(1);
  });

  it('corrects an estimate of tokens when the count is known', async () => {
    const limits = await ingress();
    const limited = rule({ tokensPerMinute: 100 });
    const first = await limits.admit([limited], request({ tokens: 90 }));
    first?.finish(10);
    await sleep(50); // the correction is not awaited by anybody
    const second = await limits.admit([limited], request({ tokens: 80 }));
    expect(second?.headers).toContain('10');
  });

  it('uses up no other limit for a request that one refuses', async () => {
    const limits = await ingress();
    const [narrow, wide] = [rule({ requestsPerMinute: 1 }), rule({ requestsPerMinute: 5 })];
    await limits.admit([narrow, wide], request());
    await expect(limits.admit([narrow, wide], request())).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
    await sleep(50);
    const left = await limits.admit([wide], request());
    expect(left?.headers).toContain('3');
  });

  it('applies a rule for one model to that model only', async () => {
    const limits = await ingress();
    const limited = rule({ model: 'a', requestsPerMinute: 1 });
    await limits.admit([limited], request({ model: 'a' }));
    await expect(limits.admit([limited], request({ model: 'a' }))).rejects.toMatchObject({ status: 429 });
    expect(limits.admit([limited], request({ model: 'b' }))).toBeUndefined();
    expect(limits.admit([], request())).toBeUndefined();
  });

  it('goes on counting in this process while Redis is away, and is never open', async () => {
    const limits = await ingress();
    server.kill('SIGKILL');
    await server.exited;
    try {
      expect(await admitted(20, [limits], rule({ requestsPerMinute: 4 }))).toBe(4);
      expect(await admitted(20, [limits], rule({ concurrency: 3 }))).toBe(3);
    } finally {
      server = await startRedis();
    }
    const limited = rule({ requestsPerMinute: 5 });
    const other = await ingress();
    for (let tries = 0; tries < 100; tries++) {
      await limits.admit([rule({ requestsPerMinute: 1 })], request());
      await sleep(20);
    }
    expect(await admitted(20, [limits, other], limited)).toBe(5);
  }, 20_000);

  it('counts alone where there is no Redis at all', async () => {
    const limits = new RateLimits(undefined);
    open.push(limits);
    expect(await admitted(20, [limits], rule({ requestsPerMinute: 4 }))).toBe(4);
  });
});
