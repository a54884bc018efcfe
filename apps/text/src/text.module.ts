import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { HoldsClient } from '#libs/holds';
import type { Bus } from '#libs/messaging';
import { BUS, LIVE_CONFIG, type LiveConfig, LOGGER, READ_SECRET, type ReadSecret } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { ChatCompletionsHandler } from './chat-completions.handler.js';
import type { TextEnv } from './config.js';
import { GatewayLinks } from './gateway-links.js';
import { Outbound } from './outbound.js';
import { PausePoints } from './pause-points.js';
import { ServedModels } from './served-models.js';

@Module({})
export class TextModule implements OnApplicationShutdown {
  constructor(@Inject(HoldsClient) private readonly holds: HoldsClient) {}

  static with(env: TextEnv): DynamicModule {
    const sandboxUrl = env.MODAPI_SANDBOX_URL;
    // Three renewals may be lost before a lease ends.
    const renewMs = env.MODAPI_HOLD_LEASE_SECONDS * 250;
    return {
      module: TextModule,
      controllers: [ChatCompletionsHandler],
      providers: [
        GatewayLinks,
        Outbound,
        {
          provide: ServedModels,
          inject: [LIVE_CONFIG, READ_SECRET],
          useFactory: (config: LiveConfig, readSecret: ReadSecret) =>
            new ServedModels(config, { sandboxUrl, readSecret }),
        },
        {
          provide: HoldsClient,
          inject: [BUS, LOGGER],
          useFactory: (bus: Bus, logger: Logger) => new HoldsClient(bus, logger, { renewMs }),
        },
        {
          provide: PausePoints,
          inject: [LOGGER],
          useFactory: (logger: Logger) => new PausePoints(env.MODAPI_PAUSE_AT, logger),
        },
      ],
    };
  }

  onApplicationShutdown(): void {
    this.holds.stop();
  }
}
