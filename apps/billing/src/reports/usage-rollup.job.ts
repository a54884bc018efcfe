import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOGGER } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { UsageRollup } from './usage-rollup.js';

const everyMs = 2_000;
const stopMs = 2_000;

/**
 * Rolls usage up every other second, on a timer of each process: reports are exact without it, only slower, so no
 * queue needs to promise that it runs.
 */
@Injectable()
export class UsageRollupJob implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(
    private readonly rollup: UsageRollup,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.running ??= this.repeat();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    // A Postgres that does not answer must not hold up the stop; a step that is cut off is rolled back.
    await Promise.race([this.running, sleep(stopMs, undefined, { ref: false })]);
  }

  private async repeat(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const more = await this.rollup.step().catch((error: Error) => this.reportDelay(error));
      if (!more) await sleep(everyMs, undefined, { signal: this.stopping.signal, ref: false }).catch(() => undefined);
    }
  }

  private reportDelay(error: Error): false {
    this.logger.warn({ reason: error.message }, 'usage is rolled up later');
    return false;
  }
}
