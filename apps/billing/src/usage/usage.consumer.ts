import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Bus, EventDelivery, Server } from '#libs/messaging';
import { BUS, LOGGER } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { BatchSpans } from './batch-spans.js';
import { type Stored, UsageStore } from './usage.store.js';

const maxBatch = 500;
/** Usage is read by people and reports: a fortieth of a second later is soon enough, and saves most commits. */
const lingerMs = 25;

/**
 * Turns usage events into usage records. The worker and ingress may both report an attempt: the first one wins, the
 * other is a duplicate. Acknowledged after the commit; while Postgres is away events wait in the bus.
 */
@Injectable()
export class UsageConsumer implements OnApplicationBootstrap, OnModuleDestroy {
  private server: Server | undefined;

  constructor(
    private readonly store: UsageStore,
    @Inject(BUS) private readonly bus: Bus,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const options = { subject: 'usage.v1.>', durable: 'billing', maxBatch, lingerMs };
    // Nest calls this hook twice if a microservice is initialised before it listens; two consumers would be the result.
    this.server ??= await this.bus.consumeEvents(options, (batch) => this.consume(batch));
  }

  async onModuleDestroy(): Promise<void> {
    await this.server?.stop();
  }

  private async consume(batch: readonly EventDelivery[]): Promise<void> {
    const spans = new BatchSpans(batch, this.bus.kind).begin();
    try {
      const stored = await this.store.store(batch);
      spans.end();
      this.report(stored);
    } catch (error) {
      spans.end('ledger_unavailable');
      throw error;
    }
  }

  private report({ settlements, deadLetters }: Stored): void {
    const recorded = settlements.filter(({ inserted }) => inserted);
    this.logger.debug({ count: recorded.length }, 'usage recorded');
    const duplicates = settlements.length - recorded.length;
    if (duplicates > 0) this.logger.debug({ count: duplicates }, 'usage was recorded before');
    for (const { attemptId, writtenOffNanos, unknownOrganization } of recorded) {
      if (writtenOffNanos > 0n) {
        this.logger.warn(
          { attemptId, reason: `${writtenOffNanos} nano-dollars` },
          'a charge was not covered: written off',
        );
      }
      if (unknownOrganization) this.logger.error({ attemptId }, 'usage of an organization that does not exist');
    }
    for (const letter of deadLetters) {
      const fields = { subject: letter.subject, code: letter.id, reason: letter.reason };
      this.logger.error(fields, 'an event went to dead_letters');
    }
  }
}
