import { mkdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, type GuardedProcess, startEmbeddedPostgres, startGuardedProcess, tailOf } from '#libs/persistence';
import { findServices } from './install-services.js';

/** A private server on 127.0.0.1. */
export interface RunningService {
  readonly url: string;
  readonly pid: number;
  /** Resolves when it is gone, however it went. */
  readonly exited: Promise<string>;
  stop(): Promise<void>;
  /** For fault tests: `SIGKILL`, `SIGSTOP`, `SIGCONT`. */
  kill(signal: NodeJS.Signals): void;
}

export interface ServiceOptions {
  /** Data and log; made when absent. */
  readonly dir: string;
  /** A free one when absent. */
  readonly port?: number;
  /** The program; looked for when absent. */
  readonly binary?: string;
}

/** NATS with JetStream, its store in `dir`. */
export async function startNats(options: ServiceOptions): Promise<RunningService> {
  const binary = options.binary ?? (await findServices(['nats'])).nats;
  return startListening({
    name: 'nats',
    options,
    commandOf: (port, dir) => [binary, '-a', '127.0.0.1', '-p', String(port), '-js', '-sd', join(dir, 'jetstream')],
    hello: '',
    expected: /^INFO \{/,
  });
}

/** Redis that keeps nothing on disk: what it holds can be rebuilt. */
export async function startRedis(options: ServiceOptions): Promise<RunningService> {
  const binary = options.binary ?? (await findServices(['redis'])).redis;
  return startListening({
    name: 'redis',
    options,
    commandOf: (port, dir) => [
      ...[binary, '--bind', '127.0.0.1', '--port', String(port), '--dir', dir],
      ...['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'],
    ],
    hello: 'PING\r\n',
    expected: /^\+PONG/,
  });
}

/** Postgres; `durable: false` trades safety for speed in tests. */
export async function startPostgres(options: ServiceOptions & { durable?: boolean }): Promise<RunningService> {
  const { port, durable = false } = options;
  return startEmbeddedPostgres(options.dir, {
    durable,
    maxConnections: 200,
    ...(port !== undefined && { port }),
  });
}

interface Listening {
  readonly name: string;
  readonly options: ServiceOptions;
  commandOf(port: number, dir: string): string[];
  /** What is sent, and what a ready server answers. */
  readonly hello: string;
  readonly expected: RegExp;
}

async function startListening(service: Listening): Promise<RunningService> {
  const dir = resolve(service.options.dir);
  await mkdir(dir, { recursive: true });
  const attempts = service.options.port === undefined ? 5 : 1;
  for (let attempt = 1; ; attempt++) {
    const port = service.options.port ?? (await freePort());
    const child = await startGuardedProcess({
      command: service.commandOf(port, dir) as [string, ...string[]],
      logFile: join(dir, `${service.name}.log`),
      stopSignal: 'SIGTERM',
    });
    if (await becomesReady(child, port, service)) return serviceOf(child, `${service.name}://127.0.0.1:${port}`);
    await child.stop();
    const log = await tailOf(child.logFile);
    // Between the search for a free port and its use another process may have taken it.
    if (attempt < attempts && /address already in use/i.test(log)) continue;
    throw new Error(`${service.name} did not start (${await child.exited}):\n${log}`);
  }
}

async function becomesReady(child: GuardedProcess, port: number, service: Listening): Promise<boolean> {
  const deadline = Date.now() + 30_000;
  while (child.running && Date.now() < deadline) {
    if (await answers(port, service.hello, service.expected)) {
      // Somebody else's server may answer while ours is about to give up on the busy port.
      await sleep(20);
      return child.running;
    }
    await sleep(10);
  }
  return false;
}

function answers(port: number, hello: string, expected: RegExp): Promise<boolean> {
  return new Promise((done) => {
    const socket = createConnection(port, '127.0.0.1');
    const finish = (ready: boolean): void => {
      socket.destroy();
      done(ready);
    };
    socket.setTimeout(1_000, () => finish(false));
    socket.on('error', () => finish(false));
    socket.on('connect', () => socket.write(hello));
    socket.on('data', (data) => finish(expected.test(data.toString('latin1'))));
    socket.on('close', () => finish(false));
  });
}

function serviceOf(child: GuardedProcess, url: string): RunningService {
  return {
    url,
    pid: child.pid,
    exited: child.exited,
    stop: () => child.stop(),
    kill: (signal) => child.kill(signal),
  };
}
