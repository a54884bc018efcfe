import type { BlockList } from 'node:net';
import { type DynamicModule, Inject, Module, type OnApplicationShutdown, type Provider } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { buildCatalog } from '#libs/catalog';
import { organizationRoutes } from '#libs/contracts';
import { HoldsClient } from '#libs/holds';
import type { Bus } from '#libs/messaging';
import { BUS, LIVE_CONFIG, type LiveConfig, LOGGER } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { Admission } from './admission/admission.js';
import { KeyAuthenticator } from './auth/key.authenticator.js';
import { addressList } from './auth/key-policy.js';
import { KeyGuard } from './auth/key.guard.js';
import type { IngressEnv } from './config.js';
import { HealthController } from './health/health.controller.js';
import { AnswerHeaders } from './http/answer-headers.js';
import { CorsPolicy } from './http/cors-policy.js';
import { Door } from './http/door.js';
import { DrainState } from './http/drain.state.js';
import { ErrorFilter } from './http/error.filter.js';
import { type DoorLimits, doorLimits } from './http/limits.js';
import { RouteTable } from './http/route-table.js';
import { IdempotencyAnswers } from './idempotency/idempotency-answers.js';
import { endpointReaders } from './inference/endpoint-readers.js';
import { EXCHANGE_PARTS, exchangeLimits, type ExchangeLimits, type ExchangeParts } from './inference/exchange-parts.js';
import { InferenceDoor } from './inference/inference-door.js';
import { inferenceController } from './inference/inference.controller.js';
import { MediaUrl } from './inference/media-url.js';
import { connectLimitRedis } from './limits/limit-redis.js';
import { RateLimits } from './limits/rate-limits.js';
import { ModelCatalog } from './models/model-catalog.js';
import { ModelsController } from './models/models.controller.js';
import { MediaController } from './media/media.controller.js';
import { mediaProviders } from './media/media-providers.js';
import { organizationController } from './organization/organization.controller.js';
import { OpenApiController } from './openapi/openapi.controller.js';
import { uploadProviders } from './uploads/upload-providers.js';

/** Nest injection token of the `DoorLimits`. */
const DOOR_LIMITS = Symbol.for('modapi.ingress.door-limits');

/** What bounds callers and calls; smaller in tests. */
export interface IngressLimits {
  readonly door: DoorLimits;
  readonly exchange: ExchangeLimits;
}

type ExchangeArguments = [Bus, Logger, AnswerHeaders, HoldsClient];

/** Everything of the ingress behind the HTTP adapter. */
@Module({})
export class IngressModule implements OnApplicationShutdown {
  constructor(
    @Inject(KeyAuthenticator) private readonly authenticator: KeyAuthenticator,
    @Inject(HoldsClient) private readonly holds: HoldsClient,
    @Inject(RateLimits) private readonly rateLimits: RateLimits,
  ) {}

  static with(env: IngressEnv, limits: IngressLimits = { door: doorLimits, exchange: exchangeLimits }): DynamicModule {
    return {
      module: IngressModule,
      controllers: [
        inferenceController(endpointReaders, env.MODAPI_EGRESS_ALLOWED_ADDRESSES),
        ModelsController,
        HealthController,
        OpenApiController,
        MediaController,
        organizationController(organizationRoutes),
      ],
      providers: [
        { provide: DOOR_LIMITS, useValue: limits.door },
        {
          provide: EXCHANGE_PARTS,
          inject: [BUS, LOGGER, AnswerHeaders, HoldsClient],
          useFactory: (...[bus, logger, answerHeaders, holds]: ExchangeArguments): ExchangeParts => {
            return { bus, logger, answerHeaders, holds, limits: limits.exchange };
          },
        },
        InferenceDoor,
        ...uploadProviders(env, limits.door.requestMs),
        ...mediaProviders(env),
        ...providersOf(env),
        ...moneyProviders(env),
        ...doorProviders,
        doorProvider(env),
      ],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    this.holds.stop();
    await this.rateLimits.stop();
    await this.authenticator.stop();
  }
}

function providersOf(env: IngressEnv): Provider[] {
  return [
    { provide: MediaUrl, useFactory: () => new MediaUrl(env.MODAPI_PUBLIC_URL, proxiesOf(env)) },
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

function moneyProviders(env: IngressEnv): Provider[] {
  const renewMs = (env.MODAPI_HOLD_LEASE_SECONDS * 1000) / 4;
  const { REDIS_URL: redisUrl } = env;
  return [
    {
      provide: RateLimits,
      inject: [LOGGER],
      useFactory: (logger: Logger) => new RateLimits(redisUrl ? connectLimitRedis(redisUrl, logger) : undefined),
    },
    {
      provide: HoldsClient,
      inject: [BUS, LOGGER],
      useFactory: (bus: Bus, logger: Logger) => new HoldsClient(bus, logger, { renewMs }),
    },
    {
      provide: IdempotencyAnswers,
      inject: [BUS, LOGGER],
      useFactory: (bus: Bus, logger: Logger) => new IdempotencyAnswers(bus, logger),
    },
    {
      provide: Admission,
      inject: [HoldsClient, IdempotencyAnswers, RateLimits],
      useFactory: (...[holds, answers, limits]: [HoldsClient, IdempotencyAnswers, RateLimits]) =>
        new Admission(holds, answers, limits),
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
  { provide: APP_GUARD, useClass: KeyGuard },
  { provide: APP_FILTER, useClass: ErrorFilter },
];

type DoorArguments = [DoorLimits, CorsPolicy, DrainState, RouteTable, KeyAuthenticator, AnswerHeaders, Logger];

function proxiesOf({ MODAPI_TRUSTED_PROXIES: proxies }: IngressEnv): BlockList | undefined {
  return proxies.length === 0 ? undefined : addressList(proxies);
}

function doorProvider(env: IngressEnv): Provider {
  const trustedProxies = proxiesOf(env);
  return {
    provide: Door,
    inject: [DOOR_LIMITS, CorsPolicy, DrainState, RouteTable, KeyAuthenticator, AnswerHeaders, LOGGER],
    useFactory: (...[limits, cors, drain, routes, authenticator, answerHeaders, logger]: DoorArguments) =>
      new Door({ limits, cors, drain, routes, authenticator, answerHeaders, logger, trustedProxies }),
  };
}
