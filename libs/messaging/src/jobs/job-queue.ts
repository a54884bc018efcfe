import { createPostgresBackend, type JobsOptions, Queue, withBackend, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { errorFields, type MessagingLogger } from '../messaging-logger.js';
import { settlesWithin } from '../settles-within.js';

/** Work that is done later, again, or on a schedule. Wakes a worker up; the truth about the work lives elsewhere. */
export interface JobQueue<Data extends object> {
  /** A job whose id is still known is not added again. */
  add(data: Data, options?: JobOptions): Promise<void>;
  /** Adds `data` every so often, once for all processes; calling again changes the interval. */
  repeat(id: string, everyMs: number, data: Data): Promise<void>;
  /** Handles jobs in this process; one that rejects is tried again with growing delays. */
  process(handler: JobHandler<Data>, concurrency: number): void;
  /** Takes no new jobs, waits for those in hand, closes. */
  close(): Promise<void>;
}

export interface JobOptions {
  readonly id?: string;
  readonly delayMs?: number;
  /** How often it is tried; 5 when absent. */
  readonly attempts?: number;
  /** Before the second try; doubles each time. 1 s when absent. */
  readonly retryMs?: number;
}

export type JobHandler<Data extends object> = (data: Data, job: JobInfo) => Promise<void>;

export interface JobInfo {
  readonly id: string;
  /** 1 at the first try. */
  readonly attempt: number;
}

export interface JobQueueOptions {
  readonly name: string;
  /** Where the jobs wait: Redis if there is one, else Postgres. */
  readonly store: { readonly redisUrl: string } | { readonly databaseUrl: string };
  readonly logger: MessagingLogger;
  /** How long the store is waited for; 10 s when absent. */
  readonly readyMs?: number;
}

/** Kept for those who look into the queue; older ones go. */
const keptCompleted = 100;
const keptFailed = 1_000;
/** BullMQ reports a lost connection thousands of times a minute. */
const errorReportMs = 10_000;

const defaultReadyMs = 10_000;
/** Per queue and per worker: they are many, and their statements short. */
const postgresConnections = 3;

const PostgresBacked = withBackend(createPostgresBackend);

/** Opens a queue; resolves once its store is reached and its tables exist. */
export async function openJobQueue<Data extends object>(options: JobQueueOptions): Promise<JobQueue<Data>> {
  const queue = new BullJobQueue<Data>(options);
  await queue.ready();
  return queue;
}

/** What the two kinds of BullMQ queue have in common, as far as it is used here. */
interface AnyQueue {
  add(name: string, data: object, options: JobsOptions): Promise<unknown>;
  upsertJobScheduler(id: string, repeat: { every: number }, template: object): Promise<unknown>;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

class BullJobQueue<Data extends object> implements JobQueue<Data> {
  private readonly queue: AnyQueue;
  private readonly workers: Pick<Worker, 'close'>[] = [];
  private readonly connections: Redis[] = [];
  private reportedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: JobQueueOptions) {
    const { name, store } = options;
    this.queue =
      'redisUrl' in store
        ? new Queue(name, { connection: this.connectRedis(store.redisUrl) })
        : new PostgresBacked.Queue(name, { connection: { ...postgres(store.databaseUrl), migrate: true } });
    this.queue.on('error', (error) => this.report(error));
  }

  async ready(): Promise<void> {
    const { name, readyMs = defaultReadyMs } = this.options;
    const ready = this.queue.waitUntilReady();
    // Without a store BullMQ would wait for ever, and without a word.
    if (await settlesWithin(ready, readyMs)) {
      await ready;
      return;
    }
    void this.queue.close().catch(() => {}); // it may never have been open
    for (const connection of this.connections) connection.disconnect();
    throw new Error(`the store of the job queue ${name} does not answer`);
  }

  async add(data: Data, options: JobOptions = {}): Promise<void> {
    await this.queue.add('job', data, {
      ...jobDefaults(options),
      ...(options.id !== undefined && { jobId: bullId(options.id) }),
      ...(options.delayMs !== undefined && { delay: options.delayMs }),
    });
  }

  async repeat(id: string, everyMs: number, data: Data): Promise<void> {
    // oxlint-disable-next-line id-denylist -- BullMQ's name
    await this.queue.upsertJobScheduler(bullId(id), { every: everyMs }, { name: 'job', data, opts: jobDefaults({}) });
  }

  process(handler: JobHandler<Data>, concurrency: number): void {
    const { name, store } = this.options;
    const work = (job: { id?: string; data: Data; attemptsMade: number }): Promise<void> =>
      handler(job.data, { id: job.id ?? '', attempt: job.attemptsMade + 1 });
    const worker =
      'redisUrl' in store
        ? new Worker<Data>(name, work, { connection: this.connectRedis(store.redisUrl), concurrency })
        : new PostgresBacked.Worker<Data>(name, work, { connection: postgres(store.databaseUrl), concurrency });
    worker.on('error', (error) => this.report(error));
    worker.on('failed', (job, error) => {
      const fields = { subject: name, count: job?.attemptsMade ?? 0, error: errorFields(error) };
      this.options.logger.warn(fields, 'a job failed');
    });
    this.workers.push(worker);
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()));
    await this.queue.close();
    for (const connection of this.connections) connection.disconnect();
  }

  private connectRedis(url: string): Redis {
    // Workers block on Redis; BullMQ refuses a connection that gives up by itself.
    const connection = new Redis(url, { maxRetriesPerRequest: null });
    connection.on('error', (error: Error) => this.report(error));
    this.connections.push(connection);
    return connection;
  }

  private report(error: Error): void {
    const now = performance.now();
    if (now - this.reportedAt < errorReportMs) return;
    this.reportedAt = now;
    const fields = { subject: this.options.name, error: errorFields(error) };
    this.options.logger.error(fields, 'the job queue reports an error');
  }
}

function jobDefaults(options: JobOptions): object {
  return {
    attempts: options.attempts ?? 5,
    backoff: { type: 'exponential', delay: options.retryMs ?? 1_000 },
    removeOnComplete: { count: keptCompleted },
    removeOnFail: { count: keptFailed },
  };
}

function postgres(connectionString: string): { connectionString: string; max: number } {
  return { connectionString, max: postgresConnections };
}

/** BullMQ refuses ids with a colon and ids of digits only. */
function bullId(id: string): string {
  return `job-${id.replaceAll(':', '_')}`;
}
