import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { LOGGER, StartError } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import type { SandboxEnvironment } from './config.js';
import { type RunningSandbox, startSandbox } from './start-sandbox.js';

/** Nest injection token of the `RunningSandbox`: its `url` is where it listens. */
export const SANDBOX = Symbol.for('modapi.sandbox');

/** Starts the model server with the application, and stops it after everyone who may still call it. */
@Module({})
export class SandboxModule implements OnApplicationShutdown {
  constructor(@Inject(SANDBOX) private readonly sandbox: RunningSandbox) {}

  static with(env: SandboxEnvironment): DynamicModule {
    const server = {
      provide: SANDBOX,
      inject: [LOGGER],
      useFactory: (logger: Logger) => listen(env, logger),
    };
    return { module: SandboxModule, providers: [server], exports: [SANDBOX] };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.sandbox.close();
  }
}

async function listen(env: SandboxEnvironment, logger: Logger): Promise<RunningSandbox> {
  const host = env.MODAPI_SANDBOX_HOST;
  const port = env.MODAPI_SANDBOX_PORT;
  try {
    const sandbox = await startSandbox({ host, port, callLog: env.MODAPI_SANDBOX_CALL_LOG });
    logger.info({ host, port: Number(new URL(sandbox.url).port) }, 'sandbox models are served');
    return sandbox;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError([`the sandbox cannot serve on ${host}:${port}: ${reason}`]);
  }
}
