import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Inject, Injectable, Module } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { GatewayError } from '#libs/contracts';
import { type Bus, type CallError, collectReply, createInProcessBus, type IncomingCall } from '#libs/messaging';
import type { AppDefinition, RunningApps } from './app-definition.js';
import { BUS, LIVE_CONFIG, type Live, type LiveConfig } from './live-config.js';
import { Serves } from './serves.js';
import { startApps, type StartOptions } from './start-apps.js';
import { StartError } from './start-error.js';

const order: string[] = [];

@Controller()
class EchoHandler {
  @Serves('call.v1.echo')
  async echo(call: IncomingCall): Promise<void> {
    call.accept();
    await sleep(50);
    call.sendHead({ status: 200, headers: {} });
    call.end({ echoed: call.head });
    order.push('answered');
  }

  @Serves('call.v1.endless')
  async endless(call: IncomingCall): Promise<void> {
    call.sendHead({ status: 200, headers: {} });
    await new Promise<void>((resolve) => call.signal.addEventListener('abort', () => resolve()));
    call.end({ interrupted: call.signal.reason });
  }

  @Serves('call.v1.refuse')
  async refuse(): Promise<void> {
    throw new GatewayError('model_not_found', 'no such model');
  }
}

@Injectable()
class Providers {
  readonly count: Live<number>;

  constructor(@Inject(LIVE_CONFIG) config: LiveConfig) {
    this.count = config.derive((value) => {
      const names = Object.keys(value.providers);
      return { value: names.length, problems: names.includes('bad') ? ['providers.bad is bad'] : [] };
    });
  }

  onModuleDestroy(): void {
    order.push('modules closed');
  }
}

@Controller()
class DoorController {
  constructor(
    @Inject(BUS) private readonly bus: Bus,
    private readonly providers: Providers,
  ) {}

  @Get('slow')
  async slow(): Promise<object> {
    const reply = await collectReply(this.bus, {
      subject: 'call.v1.echo',
      head: { n: 1 },
      body: new Uint8Array(),
      deadlineMs: 5_000,
    });
    return { trailer: reply.trailer, providers: this.providers.count.current };
  }
}

@Controller()
class EndlessController {
  constructor(@Inject(BUS) private readonly bus: Bus) {}

  @Get('endless')
  async endless(): Promise<object> {
    const request = { subject: 'call.v1.endless', head: {}, body: new Uint8Array(), deadlineMs: 60_000 };
    return collectReply(this.bus, request).then(
      ({ trailer }) => ({ trailer }),
      (error: CallError) => ({ reason: error.reason }),
    );
  }
}

@Module({ controllers: [EchoHandler] })
class EchoModule {}
@Module({ controllers: [DoorController, EndlessController], providers: [Providers] })
class DoorModule {}

const echoApp: AppDefinition = {
  name: 'echo',
  env: z.object({}),
  module: () => EchoModule,
  serves: ['call.v1.echo', 'call.v1.refuse'],
};
const doorApp: AppDefinition<{ PORT: number }> = {
  name: 'door',
  env: z.object({ PORT: z.coerce.number().default(0) }),
  module: () => DoorModule,
  http: {
    adapter: () => new FastifyAdapter(),
    configure: () => undefined,
    address: (env) => ({ host: '127.0.0.1', port: env.PORT }),
    beginDrain: () => order.push('http drains'),
  },
};

const dir = mkdtempSync(join(tmpdir(), 'modapi-start-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
let running: RunningApps | undefined;
let bus: Bus;
afterEach(async () => {
  await running?.stop();
  running = undefined;
  order.length = 0;
});

async function start(definitions: AppDefinition[], options: Partial<StartOptions> = {}): Promise<RunningApps> {
  bus = createInProcessBus();
  running = await startApps(definitions, { env: { LOG_LEVEL: 'error' }, bus: () => bus, ...options });
  return running;
}

const problemsOf = (starting: Promise<unknown>): Promise<readonly string[]> =>
  starting.then(
    () => [],
    (error: unknown) => {
      if (error instanceof StartError) return error.problems;
      throw error;
    },
  );

describe('startApps', () => {
  it('runs several apps as one application on one bus', async () => {
    const { url } = await start([doorApp as AppDefinition, echoApp]);
    const response = await fetch(`${url}/slow`);
    expect(await response.json()).toEqual({ trailer: { echoed: { n: 1 } }, providers: 0 });
  });

  it("keeps a handler's own error", async () => {
    await start([echoApp]);
    const call = { subject: 'call.v1.refuse', head: {}, body: new Uint8Array(), deadlineMs: 1_000 };
    await expect(collectReply(bus, call)).rejects.toMatchObject({ gateway: { code: 'model_not_found' } });
  });

  it('refuses to start when a subject has no handler, and names it', async () => {
    const broken = { ...echoApp, serves: ['call.v1.echo', 'call.v1.forgotten'] };
    expect(await problemsOf(start([broken]))).toEqual([
      "echo: no handler serves call.v1.forgotten: mark a method with @Serves('call.v1.forgotten')",
    ]);
  });

  it('says in one line that a port is in use', async () => {
    const occupant: Server = createServer().listen(0, '127.0.0.1');
    await once(occupant, 'listening');
    const { port } = occupant.address() as AddressInfo;
    const env = { PORT: String(port), LOG_LEVEL: 'error' };
    expect(await problemsOf(start([doorApp as AppDefinition, echoApp], { env }))).toEqual([
      `port ${port} on 127.0.0.1 is in use: choose another, or 0 for a free one`,
    ]);
    occupant.close();
  });

  it('lists the problems of a configuration instead of starting', async () => {
    const file = join(dir, 'bad.yaml');
    writeFileSync(file, 'apiVersion: modapi/v1\nproviders: { bad: {} }\n');
    const env = { MODAPI_CONFIG_FILE: file, LOG_LEVEL: 'error' };
    expect(await problemsOf(start([doorApp as AppDefinition, echoApp], { env }))).toEqual([
      `${file}:2: providers.bad is bad`,
    ]);
  });

  it('says that NATS_URL is missing when no bus is given', async () => {
    expect(await problemsOf(startApps([echoApp], { env: {} }))).toEqual(['NATS_URL is not set']);
  });

  it('starts an app that uses no bus without NATS', async () => {
    running = await startApps([{ ...echoApp, usesBus: false }], { env: { LOG_LEVEL: 'error' } });
    expect(running.url).toBeUndefined();
  });

  it('swaps configuration while calls go on', async () => {
    const file = join(dir, 'modapi.yaml');
    writeFileSync(file, 'apiVersion: modapi/v1\n');
    const env = { MODAPI_CONFIG_FILE: file, LOG_LEVEL: 'error' };
    const { url, reloadConfig } = await start([doorApp as AppDefinition, echoApp], { env });
    writeFileSync(file, 'apiVersion: modapi/v1\nproviders: { groq: {} }\n');
    expect(reloadConfig()).toBe(true);
    expect(await (await fetch(`${url}/slow`)).json()).toMatchObject({ providers: 1 });
  });

  it('stops in order: HTTP finishes what is in flight, then the modules close', async () => {
    const { url, stop } = await start([doorApp as AppDefinition, echoApp]);
    const response = fetch(`${url}/slow`);
    await sleep(20);
    await Promise.all([stop(), stop()]);
    expect((await response).status).toBe(200);
    expect(order).toEqual(['http drains', 'answered', 'modules closed']);
    await expect(fetch(`${url}/slow`)).rejects.toThrow();
  });

  it('asks calls that go on for too long to finish while their answers can still go out', async () => {
    const env = { MODAPI_DRAIN_SECONDS: '1', LOG_LEVEL: 'error' };
    const { url, stop } = await start([doorApp as AppDefinition, echoApp], { env });
    const answer = fetch(`${url}/endless`);
    await sleep(50);
    await stop();
    expect(await (await answer).json()).toEqual({ trailer: { interrupted: 'drain' } });
  });

  it('gives up calls to other processes in time to say so', async () => {
    const env = { MODAPI_DRAIN_SECONDS: '1', LOG_LEVEL: 'error' };
    const { url, stop } = await start([doorApp as AppDefinition], { env });
    // Served by hand: stands for a worker that does not know that this process stops.
    const served = Promise.withResolvers<void>();
    bus.serve('call.v1.endless', 'elsewhere', () => served.resolve());
    const answer = fetch(`${url}/endless`);
    await served.promise;
    await stop();
    expect(await (await answer).json()).toEqual({ reason: expect.stringMatching(/^(closed|remote)$/) });
  });

  it('tells its health on a port of its own and stops being ready when it drains', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    free.close();
    await once(free, 'close');
    const env = { MODAPI_HEALTH_PORT: String(port), MODAPI_HEALTH_HOST: '127.0.0.1', LOG_LEVEL: 'error' };
    const { stop } = await start([echoApp], { env });
    const statusOf = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
    expect([await statusOf('/healthz'), await statusOf('/readyz'), await statusOf('/')]).toEqual([200, 200, 404]);
    const call = { subject: 'call.v1.echo', head: {}, body: new Uint8Array(), deadlineMs: 1_000 };
    const inFlight = collectReply(bus, call);
    const stopped = stop();
    expect([await statusOf('/healthz'), await statusOf('/readyz')]).toEqual([200, 503]);
    await inFlight;
    await stopped;
  });
});
