import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { LOGGER } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import type { BillingEnvironment } from '../config.js';
import { BILLING_ENVIRONMENT } from '../tokens.js';

/** One transaction locks the accounts of so many holds at most. */
const maxRows = 500;
const cleanEveryMs = 3_600_000;

/** Frees the money of requests whose process died, and forgets Idempotency-Keys after a day. */
@Injectable()
export class HoldExpirer implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopping = new AbortController();
  private readonly leaseSeconds: number;
  private running: Promise<unknown> | undefined;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(BILLING_ENVIRONMENT) environment: Pick<BillingEnvironment, 'MODAPI_HOLD_LEASE_SECONDS'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.leaseSeconds = environment.MODAPI_HOLD_LEASE_SECONDS;
  }

  onApplicationBootstrap(): void {
    const expireEveryMs = Math.max(1_000, this.leaseSeconds * 250);
    this.running ??= Promise.all([
      this.repeat(expireEveryMs, () => this.expire()),
      this.repeat(cleanEveryMs, () => this.forgetKeys()),
    ]);
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** How many holds it ended. */
  async expire(): Promise<number> {
    for (let total = 0; ;) {
      const rows = await this.dataSource.query<{ request_id: string }[]>(
        'select request_id from ledger_expire($1, $2) as request_id',
        [`${this.leaseSeconds} seconds`, maxRows],
      );
      for (const { request_id: requestId } of rows) {
        this.logger.warn({ requestId }, 'a hold expired: nobody renewed its lease');
      }
      total += rows.length;
      if (rows.length < maxRows || this.stopping.signal.aborted) return total;
    }
  }

  /** Rows that a request is looking at are left to the next time. How many it removed. */
  async forgetKeys(): Promise<number> {
    for (let total = 0; ;) {
      const [, count] = await this.dataSource.query<[unknown, number]>(
        `delete from idempotency_keys where ctid = any (array(
           select ctid from idempotency_keys where created_at < now() - interval '24 hours'
           limit $1 for update skip locked))`,
        [maxRows],
      );
      total += count;
      if (count < maxRows || this.stopping.signal.aborted) return total;
    }
  }

  private async repeat(everyMs: number, work: () => Promise<unknown>): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await work().catch((error: Error) =>
        this.logger.error({ reason: error.message }, 'expired holds and keys wait for the next try'),
      );
      await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}
