import { type BeforeApplicationShutdown, Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';

const flushMs = 60_000;
/** Beyond it the rest of the minute goes unrecorded; a bounded table matters more than a time stamp. */
const maxKeys = 50_000;

/** When keys were last used: gathered, and written once a minute in one statement. */
@Injectable()
export class KeyActivity implements OnModuleInit, BeforeApplicationShutdown {
  private used = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.timer ??= setInterval(() => void this.flush(), flushMs).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  touch(keyId: string): void {
    if (this.used.size < maxKeys || this.used.has(keyId)) this.used.set(keyId, Date.now());
  }

  /** Never rejects: losing a time stamp must not stop anything. */
  async flush(): Promise<void> {
    if (this.used.size === 0) return;
    const used = this.used;
    this.used = new Map();
    try {
      await this.dataSource.query(
        `update api_keys set last_used_at = to_timestamp(used.at / 1000.0)
         from unnest($1::text[], $2::bigint[]) as used(id, at)
         where api_keys.id = used.id and (last_used_at is null or last_used_at < to_timestamp(used.at / 1000.0))`,
        [[...used.keys()], [...used.values()]],
      );
    } catch (error) {
      this.logger.warn({ count: used.size, reason: (error as Error).message }, 'last use of keys was not recorded');
    }
  }
}
