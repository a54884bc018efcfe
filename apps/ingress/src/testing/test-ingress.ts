import { createSecretKey } from 'node:crypto';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Catalog, Model } from '#libs/catalog';
import { digestApiKey, gatewayConfig, generateApiKey } from '#libs/contracts';
import { BUS, LIVE_CONFIG, type LiveConfig, LOGGER } from '#libs/runtime';
import type { LogFields, Logger } from '#libs/telemetry';
import { exchangeLimits, type ExchangeLimits } from '../inference/exchange-parts.js';
import { ingressEnv } from '../config.js';
import { httpAdapter } from '../http/http-adapter.js';
import { type DoorLimits, doorLimits } from '../http/limits.js';
import { openDoor } from '../ingress.app.js';
import { IngressModule } from '../ingress.module.js';
import { callerOf, FakeBus } from './fake-bus.js';
import { mediaModels } from './media-models.js';

const pepper = 'a-pepper-of-at-least-thirty-two-characters';

/** An ingress on a port of its own with a fake bus behind it. */
export interface TestIngress {
  readonly app: NestFastifyApplication;
  readonly url: string;
  readonly port: number;
  readonly bus: FakeBus;
  readonly key: string;
  readonly adminKey: string;
  readonly log: readonly (LogFields & { message: string; level: string })[];
  /** Makes a key known to the look-up. */
  readonly addKey: (scope?: 'inference' | 'admin', refusal?: string) => string;
  stop(): Promise<void>;
}

export interface TestIngressOptions {
  readonly limits?: Partial<DoorLimits>;
  readonly exchange?: Partial<ExchangeLimits>;
  readonly env?: Record<string, string>;
}

const price = { input: 1_000_000n, output: 2_000_000n };

function model(id: string, changes: Partial<Model> = {}): Model {
  const deployment = { id: `acme/${id}`, provider: 'acme', upstreamModel: id, priority: 0, weight: 1, price };
  return {
    id,
    ownedBy: 'acme',
    created: 1_767_225_600,
    endpoints: ['chat.completions'],
    contextTokens: 8_192,
    maxOutputTokens: 4_096,
    deployments: [deployment],
    ...changes,
  };
}

const unpriced = model('unpriced');
const models: readonly Model[] = [
  model('gpt-test'),
  model('openai/gpt-4o:free'),
  model('only-images', { endpoints: ['images.generations'] }),
  { ...unpriced, deployments: unpriced.deployments.map((deployment) => ({ ...deployment, price: null })) },
  ...mediaModels,
];

const catalog: Catalog = {
  revision: '1',
  find: (id) => models.find((candidate) => candidate.id === id),
  list: () => models,
};

const liveConfig: LiveConfig = {
  derive: (build) => {
    build(gatewayConfig.parse({ apiVersion: 'modapi/v1' }));
    // The tests' models in place of the shipped ones.
    return { current: catalog as never };
  },
};

class RootModule {}
Module({})(RootModule);

function recordingLogger(): { logger: Logger; log: (LogFields & { message: string; level: string })[] } {
  const log: (LogFields & { message: string; level: string })[] = [];
  const at = (level: string) => (fields: LogFields, message: string) => void log.push({ ...fields, message, level });
  return { log, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

function rootModule(bus: FakeBus, logger: Logger, options: TestIngressOptions): DynamicModule {
  const env = ingressEnv.parse({ MODAPI_KEY_PEPPER: pepper, ...options.env });
  const limits = { ...doorLimits, ...options.limits };
  const ingress = IngressModule.with(env, { door: limits, exchange: { ...exchangeLimits, ...options.exchange } });
  const providers = [
    { provide: BUS, useValue: bus },
    { provide: LIVE_CONFIG, useValue: liveConfig },
    { provide: LOGGER, useValue: logger },
  ];
  return { module: RootModule, global: true, imports: [ingress], providers, exports: providers };
}

export async function startTestIngress(options: TestIngressOptions = {}): Promise<TestIngress> {
  const bus = new FakeBus();
  const { logger, log } = recordingLogger();
  const root = rootModule(bus, logger, options);
  const app = await NestFactory.create<NestFastifyApplication>(root, httpAdapter(options.limits), {
    logger: ['error'],
  });
  openDoor(app);
  await app.listen(0, '127.0.0.1');
  const pepperKey = createSecretKey(Buffer.from(pepper));
  const addKey = (scope: 'inference' | 'admin' = 'inference', refusal?: string): string => {
    const key = generateApiKey(scope);
    const digest = digestApiKey(key, pepperKey);
    bus.callers.set(digest, callerOf(key, scope));
    if (refusal !== undefined) bus.refusals.set(digest, refusal);
    return key;
  };
  const { port } = app.getHttpServer().address() as { port: number };
  const [key, adminKey] = [addKey(), addKey('admin')];
  const url = `http://127.0.0.1:${port}`;
  return { app, url, port, bus, key, adminKey, log, addKey, stop: () => app.close() };
}
