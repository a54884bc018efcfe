import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { AppDefinition } from '#libs/runtime';
import { type IngressEnv, ingressEnv } from './config.js';
import { Door } from './http/door.js';
import { DrainState } from './http/drain.state.js';
import { httpAdapter } from './http/http-adapter.js';
import { IngressModule } from './ingress.module.js';

/** The public HTTP door: keys, limits, validation, streaming answers. */
export const ingressApp: AppDefinition<IngressEnv> = {
  name: 'ingress',
  env: ingressEnv,
  module: (env) => IngressModule.with(env),
  http: {
    adapter: () => httpAdapter(),
    configure: openDoor,
    address: (env) => ({ host: env.MODAPI_HTTP_HOST, port: env.MODAPI_HTTP_PORT }),
    beginDrain: (app) => app.get(DrainState).begin(),
  },
};

/** Before the routes are registered: hooks apply to what comes after them. */
export function openDoor(app: NestFastifyApplication): void {
  app.get(Door).install(app.getHttpAdapter().getInstance() as unknown as FastifyInstance);
}
