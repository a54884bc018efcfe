import { createSecretKey } from 'node:crypto';
import { type DynamicModule, Module, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { Bootstrap } from './bootstrap.js';
import type { BillingEnvironment } from './config.js';
import { DeadLetterJob } from './dead-letter.job.js';
import { DeadLetterRetry } from './dead-letter.retry.js';
import { KeyActivity } from './key-activity.js';
import { KeyLookupHandler } from './key-lookup.handler.js';
import { openDatabase } from './open-database.js';
import { BILLING_ENVIRONMENT, KEY_PEPPER } from './tokens.js';
import { UsageConsumer } from './usage.consumer.js';
import { UsageStore } from './usage.store.js';

@Module({})
export class BillingModule implements OnApplicationShutdown {
  constructor(private readonly dataSource: DataSource) {}

  static with(environment: BillingEnvironment): DynamicModule {
    return {
      module: BillingModule,
      controllers: [KeyLookupHandler],
      providers: [
        { provide: BILLING_ENVIRONMENT, useValue: environment },
        { provide: KEY_PEPPER, useFactory: () => createSecretKey(environment.MODAPI_KEY_PEPPER, 'utf8') },
        {
          provide: DataSource,
          inject: [LOGGER],
          useFactory: (logger: Logger) => openDatabase({ databaseUrl: environment.DATABASE_URL, logger }),
        },
        Bootstrap,
        KeyActivity,
        UsageStore,
        UsageConsumer,
        DeadLetterRetry,
        DeadLetterJob,
      ],
    };
  }

  /** Last of all: consumers and handlers have stopped by now. */
  async onApplicationShutdown(): Promise<void> {
    await this.dataSource.destroy();
  }
}
