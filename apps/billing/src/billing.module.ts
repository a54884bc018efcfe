import { createSecretKey } from 'node:crypto';
import { type DynamicModule, Module, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { Bootstrap } from './bootstrap.js';
import type { BillingEnvironment } from './config.js';
import { holdsControllers, holdsProviders } from './holds/holds.providers.js';
import { keysControllers, keysProviders } from './keys/keys.providers.js';
import { ledgerProviders } from './ledger/ledger.providers.js';
import { openDatabase } from './open-database.js';
import { organizationControllers, organizationProviders } from './organization/organization.providers.js';
import { reportsProviders } from './reports/reports.providers.js';
import { BILLING_ENVIRONMENT, KEY_PEPPER } from './tokens.js';
import { usageProviders } from './usage/usage.providers.js';

@Module({})
export class BillingModule implements OnApplicationShutdown {
  constructor(private readonly dataSource: DataSource) {}

  static with(environment: BillingEnvironment): DynamicModule {
    return {
      module: BillingModule,
      controllers: [...keysControllers, ...holdsControllers, ...organizationControllers],
      providers: [
        { provide: BILLING_ENVIRONMENT, useValue: environment },
        { provide: KEY_PEPPER, useFactory: () => createSecretKey(environment.MODAPI_KEY_PEPPER, 'utf8') },
        {
          provide: DataSource,
          inject: [LOGGER],
          useFactory: (logger: Logger) => openDatabase({ databaseUrl: environment.DATABASE_URL, logger }),
        },
        Bootstrap,
        ...keysProviders,
        ...usageProviders,
        ...ledgerProviders,
        ...holdsProviders,
        ...organizationProviders,
        ...reportsProviders,
      ],
    };
  }

  /** Last of all: consumers and handlers have stopped by now. */
  async onApplicationShutdown(): Promise<void> {
    await this.dataSource.destroy();
  }
}
