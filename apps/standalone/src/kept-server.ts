import { setTimeout as sleep } from 'node:timers/promises';
import type { EmbeddedPostgres } from '#libs/persistence';
import type { Logger } from '#libs/telemetry';

type Server = Pick<EmbeddedPostgres, 'exited' | 'stop'>;

/** A database server that is started again, for as long as it takes, whenever it dies by itself. */
export class KeptServer {
  private readonly stopping = new AbortController();
  private restarting: Promise<void> = Promise.resolve();

  constructor(
    private server: Server,
    private readonly start: () => Promise<Server>,
    private readonly retryMs = 1_000,
  ) {}

  /** From now on a server that dies is started again. */
  watch(logger: Logger): void {
    void this.server.exited.then((how) => {
      if (this.stopping.signal.aborted) return;
      logger.error({ reason: how }, 'the embedded Postgres is gone; starting it again');
      this.restarting = this.restart(logger);
    });
  }

  /** Also the server of a restart that is under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.restarting;
    await this.server.stop();
  }

  /** Never rejects: without a database calls wait or fail, and a gateway that is gone helps nobody. */
  private async restart(logger: Logger): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        this.server = await this.start();
        this.watch(logger);
        return;
      } catch (error) {
        logger.error({ reason: (error as Error).message }, 'the embedded Postgres did not start; trying again');
        await sleep(this.retryMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}
