import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import type { z } from 'zod';
import { endpoints, type Modality, subjectOf } from '#libs/contracts';
import { HoldsClient } from '#libs/holds';
import type { Bus } from '#libs/messaging';
import { MediaFetcher } from '#libs/providers';
import {
  type AppDefinition,
  BUS,
  LIVE_CONFIG,
  type LiveConfig,
  LOGGER,
  READ_SECRET,
  type ReadSecret,
} from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { AnswerMemory, answerMemory } from './answer-memory.js';
import { GatewayLinks } from './gateway-links.js';
import { InferenceWorker } from './inference-worker.js';
import { Outbound } from './outbound.js';
import { PausePoints } from './pause-points.js';
import { ServedModels } from './served-models.js';
import { type WorkerEnvironment, workerEnvironment } from './worker-environment.js';

/** What one modality adds to a worker. */
export interface WorkerApp<Env extends WorkerEnvironment> {
  /** Also its name, its folder and its queue group. It must serve all endpoints of it. */
  readonly modality: Modality;
  /** `workerEnvironment`, or an extension of it. */
  readonly env: z.ZodType<Env>;
  /** One handler per endpoint. */
  readonly handlers: readonly Type[];
  readonly providers?: (env: Env) => readonly Provider[];
}

@Module({})
class WorkerModule {}

/** A worker app: its handlers, and all that every worker needs. Refuses to start when an endpoint has no handler. */
export function workerApp<Env extends WorkerEnvironment>(worker: WorkerApp<Env>): AppDefinition<Env> {
  return {
    name: worker.modality,
    env: worker.env,
    module: (env) => moduleOf(worker, env),
    serves: endpoints.filter(({ modality }) => modality === worker.modality).map(subjectOf),
  };
}

/** The worker app of a modality that reads no environment of its own. */
export function plainWorkerApp(modality: Modality, handlers: readonly Type[]): AppDefinition<WorkerEnvironment> {
  return workerApp({ modality, env: workerEnvironment, handlers });
}

function moduleOf<Env extends WorkerEnvironment>(worker: WorkerApp<Env>, env: Env): DynamicModule {
  const sandboxUrl = env.MODAPI_SANDBOX_URL;
  // Three renewals may be lost before a lease ends.
  const renewMs = env.MODAPI_HOLD_LEASE_SECONDS * 250;
  return {
    // A class of its own: Nest takes two modules of one class for the same module.
    module: class extends WorkerModule {},
    controllers: [...worker.handlers],
    providers: [
      InferenceWorker,
      GatewayLinks,
      Outbound,
      { provide: AnswerMemory, useValue: answerMemory },
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
        provide: MediaFetcher,
        useFactory: () => new MediaFetcher({ rules: env.MODAPI_EGRESS_ALLOWED_ADDRESSES }),
      },
      {
        provide: PausePoints,
        inject: [LOGGER],
        useFactory: (logger: Logger) => new PausePoints(env.MODAPI_PAUSE_AT, logger),
      },
      ...(worker.providers?.(env) ?? []),
    ],
  };
}
