import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type RunningService, startNats, startPostgres, startRedis } from '../../deploy/local/services.js';

type Start = (port: { port?: number }) => Promise<RunningService>;

/** A private server that can be killed, frozen, and started again on its port and data. */
export class KillableService {
  private constructor(
    private readonly begin: Start,
    private running: RunningService,
  ) {}

  static async start(begin: Start): Promise<KillableService> {
    return new KillableService(begin, await begin({}));
  }

  get url(): string {
    return this.running.url;
  }

  freeze(): void {
    this.running.kill('SIGSTOP');
  }

  thaw(): void {
    this.running.kill('SIGCONT');
  }

  /** Resolves when it is gone. */
  async kill(): Promise<void> {
    this.running.kill('SIGKILL');
    await this.running.exited;
  }

  /** After `kill`: a port may still be taken for a moment, and Postgres may be busy with its last end. */
  async startAgain(): Promise<void> {
    const port = Number(new URL(this.running.url).port);
    for (let attempt = 1; ; attempt++) {
      try {
        this.running = await this.begin({ port });
        return;
      } catch (error) {
        if (attempt === 20) throw error;
        await delay(250);
      }
    }
  }

  async stop(): Promise<void> {
    this.thaw();
    await this.running.stop();
  }
}

/** The three servers of a gateway. */
export interface KillableServices {
  readonly nats: KillableService;
  readonly redis: KillableService;
  readonly postgres: KillableService;
}

/** With data in `folder`; Postgres writes to disk before it answers, as in production. */
export async function startKillableServices(folder: string): Promise<KillableServices> {
  const [nats, redis, postgres] = await Promise.all([
    KillableService.start((port) => startNats({ dir: join(folder, 'nats'), ...port })),
    KillableService.start((port) => startRedis({ dir: join(folder, 'redis'), ...port })),
    KillableService.start((port) => startPostgres({ dir: join(folder, 'postgres'), durable: true, ...port })),
  ]);
  return { nats, redis, postgres };
}
