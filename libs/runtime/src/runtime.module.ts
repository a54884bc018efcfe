import { type DynamicModule, Module } from '@nestjs/common';
import type { Bus } from '#libs/messaging';
import type { Logger } from '#libs/telemetry';
import { BUS, LIVE_CONFIG, type LiveConfig, LOGGER, READ_SECRET } from './live-config.js';
import type { ReadSecret } from './read-secret.js';

/** What the runtime gives to every provider of every app. */
export interface RuntimeParts {
  readonly bus: Bus;
  readonly liveConfig: LiveConfig;
  readonly logger: Logger;
  readonly readSecret: ReadSecret;
}

/** Global: an app injects `BUS`, `LIVE_CONFIG`, `LOGGER` and `READ_SECRET` without importing anything. */
@Module({})
export class RuntimeModule {
  static with(parts: RuntimeParts, imports: NonNullable<DynamicModule['imports']>): DynamicModule {
    const providers = [
      { provide: BUS, useValue: parts.bus },
      { provide: LIVE_CONFIG, useValue: parts.liveConfig },
      { provide: LOGGER, useValue: parts.logger },
      { provide: READ_SECRET, useValue: parts.readSecret },
    ];
    return { module: RuntimeModule, global: true, imports, providers, exports: providers };
  }
}
