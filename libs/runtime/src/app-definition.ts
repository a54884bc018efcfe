import type { DynamicModule, Type } from '@nestjs/common';
import type { FastifyAdapter, NestFastifyApplication } from '@nestjs/platform-fastify';
import type { z } from 'zod';
import type { Logger } from '#libs/telemetry';

/** An app of the cluster: how `startApps` builds, checks, serves and stops it. */
export interface AppDefinition<Env = unknown> {
  /** Folder, queue group, Deployment and `service.name`. */
  readonly name: string;
  /** Its own environment variables; nobody else reads process.env. */
  readonly env: z.ZodType<Env>;
  module(env: Env): DynamicModule | Type;
  /** Bus subjects that must have a handler; a missing one refuses the start and names it. */
  readonly serves?: readonly string[];
  /** False: it neither calls nor serves, so it starts without NATS. */
  readonly usesBus?: false;
  /** Only the app with the public HTTP door. */
  readonly http?: HttpDoor<Env>;
}

/** The public HTTP side of an app: its Fastify adapter, hooks and address. At most one app of a process has it. */
export interface HttpDoor<Env> {
  adapter(env: Env): FastifyAdapter;
  /** After Nest made the application, before it listens: hooks, parsers. */
  configure(app: NestFastifyApplication, env: Env): Promise<void> | void;
  /** Port 0 takes a free one. */
  address(env: Env): { host: string; port: number };
  /** Begins refusing new work while calls in flight go on; called first on stop. */
  beginDrain?(app: NestFastifyApplication): void;
}

/** Apps that run in this process. */
export interface RunningApps {
  /** Of the HTTP door, if there is one: `http://127.0.0.1:8080`. */
  readonly url: string | undefined;
  readonly logger: Logger;
  /** Orderly: refuse new work, finish calls in flight, flush events, close. Idempotent. */
  stop(): Promise<void>;
  /** Reads modapi.yaml again, as SIGHUP does; false: it has problems, the last good one stays. */
  reloadConfig(): boolean;
}
