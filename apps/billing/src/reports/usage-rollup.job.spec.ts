import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Logger } from '#libs/telemetry';
import type { UsageRollup } from './usage-rollup.js';
import { UsageRollupJob } from './usage-rollup.job.js';

const warn = jest.fn();
const logger = { warn } as unknown as Logger;
const step = jest.fn<UsageRollup['step']>();
let job: UsageRollupJob;

beforeEach(() => {
  jest.resetAllMocks();
  job = new UsageRollupJob({ step } as unknown as UsageRollup, logger);
});

afterEach(() => job.onModuleDestroy());

async function steps(count: number): Promise<void> {
  while (step.mock.calls.length < count) await new Promise((resolve) => setImmediate(resolve));
}

describe('job of the usage roll-up', () => {
  it('works a backlog off without a pause, and then waits', async () => {
    step.mockResolvedValueOnce(true).mockResolvedValueOnce(true).mockResolvedValue(false);
    const startedAt = performance.now();
    job.onApplicationBootstrap();
    await steps(3);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await steps(4);
    expect(performance.now() - startedAt).toBeGreaterThan(1_900);
  });

  it('goes on after an error', async () => {
    step.mockRejectedValueOnce(new Error('Postgres is away')).mockResolvedValue(false);
    job.onApplicationBootstrap();
    await steps(2);
    expect(warn).toHaveBeenCalledWith({ reason: 'Postgres is away' }, expect.any(String));
  });

  it('runs once when Nest calls its hook twice, and stops when told', async () => {
    step.mockResolvedValue(false);
    job.onApplicationBootstrap();
    job.onApplicationBootstrap();
    await steps(1);
    await job.onModuleDestroy();
    expect(step).toHaveBeenCalledTimes(1);
  });
});
