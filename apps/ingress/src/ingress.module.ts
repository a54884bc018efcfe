import { type DynamicModule, Inject, Module, type OnApplicationShutdown, type Provider } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { buildCatalog } from '#libs/catalog';
import type { Bus } from '#libs/messaging';
import { BUS, LIVE_CONFIG, type LiveConfig, LOGGER } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { KeyAuthenticator } from './auth/key.authenticator.js';
import { KeyGuard } from './auth/key.guard.js';
import { ChatController, EXCHANGE_PARTS } from './chat/chat.controller.js';
import { exchangeLimits, type ExchangeLimits, type ExchangeParts } from './chat/chat-exchange.js';
import type { IngressEnv } from './config.js';
import { HealthController } from './health/health.controller.js';
import { AnswerHeaders } from './http/answer-headers.js';
import { CorsPolicy } from './http/cors-policy.js';
import { Door } from './http/door.js';
import { DrainState } from './http/drain.state.js';
import { ErrorFilter } from './http/error.filter.js';
import { type DoorLimits, doorLimits } from './http/limits.js';
import { RouteTable } from './http/route-table.js';
import { ModelCatalog } from './models/model-catalog.js';
import { ModelsController } from './models/models.controller.js';
import { OpenApiController } from './openapi/openapi.controller.js';

/** Nest injection token of the `DoorLimits`. */
const DOOR_LIMITS = Symbol.for('modapi.ingress.door-limits');

/** What bounds callers and calls; smaller in tests. */
export interface IngressLimits {
  readonly door: DoorLimits;
  readonly exchange: ExchangeLimits;
}

/** Everything of the ingress behind the HTTP adapter. */
@Module({})
export class IngressModule implements OnApplicationShutdown {
  constructor(@Inject(KeyAuthenticator) private readonly authenticator: KeyAuthenticator) {}

  static with(env: IngressEnv, limits: IngressLimits = { door: doorLimits, exchange: exchangeLimits }): DynamicModule {
    return {
      module: IngressModule,
      controllers: [ChatController, ModelsController, HealthController, OpenApiController],
      providers: [
        { provide: DOOR_LIMITS, useValue: limits.door },
        {
          provide: EXCHANGE_PARTS,
          inject: [BUS, LOGGER, AnswerHeaders],
          useFactory: (bus: Bus, logger: Logger, answerHeaders: AnswerHeaders): ExchangeParts => {
            return { bus, logger, answerHeaders, limits: limits.exchange };
          },
        },
        ...providersOf(env),
        ...doorProviders,
      ],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.authenticator.stop();
  }
}

function providersOf(env: IngressEnv): Provider[] {
  return [
    { provide: CorsPolicy, useFactory: () => new CorsPolicy(env.MODAPI_CORS_ORIGINS) },
    {
      provide: KeyAuthenticator,
      inject: [BUS],
      useFactory: (bus: Bus) => new KeyAuthenticator(bus, env.MODAPI_KEY_PEPPER),
    },
    {
      provide: ModelCatalog,
      inject: [LIVE_CONFIG],
      useFactory: (config: LiveConfig) => {
        const sandbox = env.MODAPI_SANDBOX_URL !== undefined;
        return new ModelCatalog(config.derive((current) => buildCatalog(current, { sandbox })));
      },
    },
  ];
}

const doorProviders: Provider[] = [
  RouteTable,
  {
    provide: DrainState,
    inject: [DOOR_LIMITS],
    useFactory: (limits: DoorLimits) => new DrainState(limits.drainGraceMs),
  },
  {
    provide: AnswerHeaders,
    inject: [CorsPolicy, DrainState],
    useFactory: (cors: CorsPolicy, drain: DrainState) => new AnswerHeaders(cors, drain),
  },
  {
    provide: Door,
    inject: [DOOR_LIMITS, CorsPolicy, DrainState, RouteTable, KeyAuthenticator, AnswerHeaders, LOGGER],
    useFactory: makeDoor,
  },
  { provide: APP_GUARD, useClass: KeyGuard },
  { provide: APP_FILTER, useClass: ErrorFilter },
];

type DoorArguments = [DoorLimits, CorsPolicy, DrainState, RouteTable, KeyAuthenticator, AnswerHeaders, Logger];

function makeDoor(...[limits, cors, drain, routes, authenticator, answerHeaders, logger]: DoorArguments): Door {
  return new Door({ limits, cors, drain, routes, authenticator, answerHeaders, logger });
}
