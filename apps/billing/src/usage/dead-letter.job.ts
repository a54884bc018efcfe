import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JobQueue, openJobQueue } from '#libs/messaging';
import { LOGGER } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import type { BillingEnvironment } from '../config.js';
import { DeadLetterRetry } from './dead-letter.retry.js';
import { BILLING_ENVIRONMENT } from '../tokens.js';

const queueName = 'billing-dead-letters';
const everyMs = 5 * 60_000;
const reopenMs = 30_000;
const stopMs = 2_000;

/**
 * Retries dead letters on a schedule: as a job that one of all billing processes takes, where there is Redis; else on
 * a timer, since the letters are locked row by row and a queue on the same Postgres would add only connections.
 */
@Injectable()
export class DeadLetterJob implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopping = new AbortController();
  private running: Promise<JobQueue<object> | undefined> | undefined;

  constructor(
    private readonly letters: DeadLetterRetry,
    @Inject(BILLING_ENVIRONMENT) private readonly environment: BillingEnvironment,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Not awaited: without Redis letters wait longer, but keys and usage must not. */
  onApplicationBootstrap(): void {
    const { REDIS_URL: redisUrl } = this.environment;
    this.running ??= redisUrl === undefined ? this.repeatHere() : this.repeatOn(redisUrl);
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    // A Redis that does not answer must not hold up the stop; a retry that is cut off is rolled back.
    await Promise.race([this.close(), sleep(stopMs, undefined, { ref: false })]);
  }

  private async close(): Promise<void> {
    const queue = await this.running;
    await queue?.close();
  }

  private async repeatHere(): Promise<undefined> {
    while (!this.stopping.signal.aborted) {
      await this.retry().catch((error: Error) => this.reportDelay(error));
      await this.pause(everyMs);
    }
  }

  private async repeatOn(redisUrl: string): Promise<JobQueue<object> | undefined> {
    while (!this.stopping.signal.aborted) {
      try {
        const queue = await openJobQueue({ name: queueName, store: { redisUrl }, logger: this.logger });
        queue.process(() => this.retry(), 1);
        await queue.repeat('retry', everyMs, {});
        return queue;
      } catch (error) {
        this.reportDelay(error as Error);
        await this.pause(reopenMs);
      }
    }
    return undefined;
  }

  private async retry(): Promise<void> {
    const resolved = await this.letters.retry();
    if (resolved > 0) this.logger.info({ count: resolved }, 'dead letters became usage records');
  }

  private reportDelay(error: Error): void {
    this.logger.warn({ reason: error.message }, 'dead letters are retried later');
  }

  /** Until the next try, or the stop. */
  private async pause(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.stopping.signal, ref: false }).catch(() => undefined);
  }
}
