import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger } from '../messaging-logger.js';
import { LocalService } from '../testing/local-service.js';
import { type JobQueue, type JobQueueOptions, openJobQueue } from './job-queue.js';

interface Work {
  n: number;
}

interface Backend {
  name: string;
  start: () => Promise<LocalService>;
  storeOf: (service: LocalService) => JobQueueOptions['store'];
}

const backends: Backend[] = [
  {
    name: 'Redis',
    start: () => LocalService.redis(),
    storeOf: ({ port }) => ({ redisUrl: `redis://127.0.0.1:${port}` }),
  },
  {
    name: 'Postgres',
    start: () => LocalService.postgres(),
    storeOf: ({ port }) => ({ databaseUrl: `postgres://postgres@127.0.0.1:${port}/postgres` }),
  },
];

describe.each(backends)('a job queue on $name', ({ start, storeOf }) => {
  let service: LocalService;
  let lastName = 0;

  beforeAll(async () => {
    service = await start();
  }, 30_000);
  afterAll(() => service.stop());

  const open = (name: string): Promise<JobQueue<Work>> =>
    openJobQueue<Work>({ name, store: storeOf(service), logger: silentLogger });
  const freshName = (): string => `test-${++lastName}`;

  /** Runs a test with a queue and closes it whatever happens. */
  async function withQueue(test: (queue: JobQueue<Work>, name: string) => Promise<void>): Promise<void> {
    const name = freshName();
    const queue = await open(name);
    try {
      await test(queue, name);
    } finally {
      await queue.close();
    }
  }

  it('does each job once, several at a time', () =>
    withQueue(async (queue) => {
      const done: number[] = [];
      let [open, most] = [0, 0];
      await Promise.all(Array.from({ length: 20 }, (_, n) => queue.add({ n })));
      queue.process(async ({ n }) => {
        most = Math.max(most, ++open);
        await sleep(20);
        open -= 1;
        done.push(n);
      }, 4);
      await until(() => done.length === 20);
      await sleep(100);
      expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
      expect(most).toBeGreaterThan(1);
      expect(most).toBeLessThanOrEqual(4);
    }));

  it('waits for the delay', () =>
    withQueue(async (queue) => {
      const started = performance.now();
      let waited = 0;
      queue.process(() => Promise.resolve(void (waited = performance.now() - started)), 1);
      await queue.add({ n: 1 }, { delayMs: 400 });
      await until(() => waited > 0);
      expect(waited).toBeGreaterThanOrEqual(390);
    }));

  it('adds a job of one id once', () =>
    withQueue(async (queue) => {
      const done: string[] = [];
      for (let n = 0; n < 3; n++) await queue.add({ n }, { id: 'dead:letter:7' });
      await queue.add({ n: 4 }, { id: '8' });
      queue.process((data, job) => Promise.resolve(void done.push(`${job.id} ${data.n}`)), 1);
      await until(() => done.length === 2);
      await sleep(200);
      expect(done).toEqual(['job-dead_letter_7 0', 'job-8 4']);
    }));

  it('tries a job again that failed', () =>
    withQueue(async (queue) => {
      const attempts: number[] = [];
      queue.process((_data, job) => {
        attempts.push(job.attempt);
        return attempts.length < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve();
      }, 1);
      await queue.add({ n: 1 }, { retryMs: 20 });
      await until(() => attempts.length === 3);
      expect(attempts).toEqual([1, 2, 3]);
    }));

  it('repeats on a schedule, once for all who ask for it', () =>
    withQueue(async (queue, name) => {
      const other = await open(name);
      const times: number[] = [];
      queue.process(() => Promise.resolve(void times.push(performance.now())), 1);
      await Promise.all([queue.repeat('sweep', 300, { n: 1 }), other.repeat('sweep', 300, { n: 1 })]);
      await until(() => times.length >= 4);
      const [first = 0, , , fourth = 0] = times;
      expect(fourth - first).toBeGreaterThan(500);
      await other.close();
    }));

  it('keeps its jobs while nobody works', async () => {
    const name = freshName();
    const before = await open(name);
    await before.add({ n: 1 });
    await before.close();
    const done: number[] = [];
    const after = await open(name);
    after.process(({ n }) => Promise.resolve(void done.push(n)), 1);
    await until(() => done.length === 1);
    await after.close();
  });

  it('finishes the jobs in hand before it closes', async () => {
    const queue = await open(freshName());
    let [started, finished] = [false, false];
    queue.process(async () => {
      started = true;
      await sleep(300);
      finished = true;
    }, 1);
    await queue.add({ n: 1 });
    await until(() => started);
    await queue.close();
    expect(finished).toBe(true);
  });
});

describe('a job queue whose store is away', () => {
  it.each([{ redisUrl: 'redis://127.0.0.1:1' }, { databaseUrl: 'postgres://me:secret@127.0.0.1:1/x' }])(
    'is not opened: %o',
    async (store) => {
      await expect(openJobQueue({ name: 'test', store, logger: silentLogger, readyMs: 500 })).rejects.toThrow();
    },
    20_000,
  );
});

async function until(condition: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + 4_500;
  while (!condition()) {
    if (Date.now() > giveUpAt) throw new Error('it did not come true in time');
    await sleep(10);
  }
}
