import { type DynamicModule, Module } from '@nestjs/common';
import { LIVE_CONFIG, type LiveConfig, READ_SECRET, type ReadSecret } from '#libs/runtime';
import { ChatCompletionsHandler } from './chat-completions.handler.js';
import type { TextEnv } from './config.js';
import { Outbound } from './outbound.js';
import { ServedModels } from './served-models.js';

@Module({})
export class TextModule {
  static with({ MODAPI_SANDBOX_URL: sandboxUrl }: TextEnv): DynamicModule {
    return {
      module: TextModule,
      controllers: [ChatCompletionsHandler],
      providers: [
        Outbound,
        {
          provide: ServedModels,
          inject: [LIVE_CONFIG, READ_SECRET],
          useFactory: (config: LiveConfig, readSecret: ReadSecret) =>
            new ServedModels(config, { sandboxUrl, readSecret }),
        },
      ],
    };
  }
}
