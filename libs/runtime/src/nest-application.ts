import 'reflect-metadata';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestMicroservice, Server as TransportServer } from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from '#libs/telemetry';
import type { HttpDoor } from './app-definition.js';
import { nestLogger } from './nest-logger.js';
import { StartError } from './start-error.js';

/** The HTTP door with the environment of its app. */
export interface BoundDoor {
  readonly door: HttpDoor<unknown>;
  readonly env: unknown;
  /** Several processes of this machine listen on the same port; the kernel spreads the connections. */
  readonly reusePort: boolean;
}

/** One Nest application on the bus, with or without an HTTP door. */
export interface BusApplication {
  /** All modules are built and their init hooks ran; the handlers are known. Serves nothing yet. */
  init(): Promise<void>;
  /** Serves the bus, then HTTP. The URL of the door. */
  serve(): Promise<string | undefined>;
  /** The application behind the door. */
  readonly http: NestFastifyApplication | undefined;
  close(): Promise<void>;
}

/** Builds the modules; init hooks have not run yet. */
export async function createBusApplication(
  root: DynamicModule,
  strategy: TransportServer,
  door: BoundDoor | undefined,
  logger: Logger,
): Promise<BusApplication> {
  const options = { logger: nestLogger(logger), abortOnError: false };
  return door ? withDoor(root, strategy, door, options) : withoutDoor(root, strategy, options);
}

type NestOptions = { logger: ReturnType<typeof nestLogger>; abortOnError: boolean };

async function withDoor(
  root: DynamicModule,
  strategy: TransportServer,
  bound: BoundDoor,
  options: NestOptions,
): Promise<BusApplication> {
  const adapter = bound.door.adapter(bound.env);
  // The door parses bodies itself: it needs the raw bytes.
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, { ...options, bodyParser: false });
  return {
    http: app,
    async init() {
      app.connectMicroservice({ strategy });
      await bound.door.configure(app, bound.env);
      await app.init();
    },
    async serve() {
      await app.startAllMicroservices();
      return listen(app, bound.door.address(bound.env), bound.reusePort);
    },
    close: () => app.close(),
  };
}

async function withoutDoor(
  root: DynamicModule,
  strategy: TransportServer,
  options: NestOptions,
): Promise<BusApplication> {
  const app = await NestFactory.createMicroservice(root, { ...options, strategy });
  return {
    http: undefined,
    // Not `init()`: it runs the init and bootstrap hooks, and `listen()` would then run them once more.
    init: () => (app as unknown as NestMicroservice).registerModules(),
    async serve() {
      await app.listen();
      return undefined;
    },
    close: () => app.close(),
  };
}

async function listen(
  app: NestFastifyApplication,
  { host, port }: { host: string; port: number },
  reusePort: boolean,
): Promise<string> {
  try {
    // Fastify's own: Nest's would log the error with a stack before we can say it in one line.
    const fastify = app.getHttpAdapter().getInstance() as { listen(options: object): Promise<string> };
    await fastify.listen({ host, port, backlog: 4_096, ...(reusePort && { reusePort }) });
  } catch (error) {
    throw new StartError([listenProblem(error as NodeJS.ErrnoException, host, port)]);
  }
  const bound = app.getHttpServer().address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  const shownHost = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${shownHost.includes(':') ? `[${shownHost}]` : shownHost}:${boundPort}`;
}

/** One clear line for a port that cannot be had. */
export function listenProblem(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (error.code === 'EADDRINUSE') return `port ${port} on ${host} is in use: choose another, or 0 for a free one`;
  if (error.code === 'EACCES') return `port ${port} on ${host} needs more rights: choose one above 1023`;
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') return `${host} is not an address of this machine`;
  return `cannot listen on ${host}:${port} (${error.code ?? error.message})`;
}
