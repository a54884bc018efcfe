import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findServices } from './install-services.js';
import { withProgress } from './progress.js';
import { type RunningService, startNats, startPostgres, startRedis } from './services.js';

/** NATS, Redis and Postgres of a cluster: the operator's, or private ones. */
export interface ClusterServices {
  readonly natsUrl: string;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  /** Stops the private ones. */
  stop(): Promise<void>;
}

type Variables = Readonly<Record<string, string | undefined>>;
type Start = (port?: number) => Promise<RunningService>;

const restartDelayMs = 500;

/** Uses what NATS_URL, REDIS_URL and DATABASE_URL name; starts the rest with data in `folder`. */
export async function startClusterServices(
  folder: string,
  env: Variables,
  print: (line: string) => void,
): Promise<ClusterServices> {
  const missing = (['nats', 'redis'] as const).filter((name) => !env[`${name.toUpperCase()}_URL`]);
  const binaries: Partial<Record<'nats' | 'redis', string>> = await findServices(missing, { env });
  const at = (name: string, port?: number) => ({ dir: join(folder, name), ...(port !== undefined && { port }) });
  const starts: Record<string, Start> = {
    nats: (port) => startNats({ ...at('nats', port), ...(binaries.nats && { binary: binaries.nats }) }),
    redis: (port) => startRedis({ ...at('redis', port), ...(binaries.redis && { binary: binaries.redis }) }),
    postgres: (port) => startPostgres({ ...at('postgres', port), durable: true }),
  };
  const kept: KeptService[] = [];
  const use = async (name: string, given: string | undefined): Promise<string> => {
    if (given) return given;
    const service = new KeptService(name, starts[name] as Start, print);
    kept.push(service);
    return withProgress(`starting ${name}`, () => service.start());
  };
  const stop = async (): Promise<void> => {
    await Promise.all(kept.map((service) => service.stop()));
  };
  const urls = await Promise.allSettled([
    use('nats', env['NATS_URL']),
    use('redis', env['REDIS_URL']),
    use('postgres', env['DATABASE_URL']),
  ]);
  const failed = urls.find((url) => url.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  const [natsUrl = '', redisUrl = '', databaseUrl = ''] = urls.map((url) =>
    url.status === 'fulfilled' ? url.value : undefined,
  );
  return { natsUrl, redisUrl, databaseUrl, stop };
}

/** A private server that is started again, on its port and data, when it dies. */
class KeptService {
  private running: RunningService | undefined;
  private stopping = false;

  constructor(
    private readonly name: string,
    private readonly startService: Start,
    private readonly print: (line: string) => void,
  ) {}

  async start(port?: number): Promise<string> {
    const service = await this.startService(port);
    this.running = service;
    void service.exited.then(async (how) => {
      if (!this.stopping) await this.restart(how, Number(new URL(service.url).port));
    });
    return service.url;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running?.stop();
  }

  private async restart(how: string, port: number): Promise<void> {
    this.print(`${this.name} | ended (${how}); starting it again`);
    while (!this.stopping) {
      try {
        await this.start(port);
        this.print(`${this.name} | back`);
        return;
      } catch (error) {
        this.print(`${this.name} | ${(error as Error).message}`);
        await sleep(restartDelayMs);
      }
    }
  }
}
