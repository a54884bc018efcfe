import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { createDataSource, migrate } from '#libs/persistence';
import { StartError } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';

export interface OpenDatabaseOptions {
  readonly databaseUrl: string;
  readonly logger: Logger;
  /** How long a Postgres that is not there yet is waited for. */
  readonly waitMs?: number;
}

const retryMs = 1_000;

/** Migrates, then connects. A Postgres that starts together with this process is waited for. */
export async function openDatabase(options: OpenDatabaseOptions): Promise<DataSource> {
  const { databaseUrl, logger, waitMs = 30_000 } = options;
  const deadline = Date.now() + waitMs;
  for (;;) {
    try {
      const migrations = await migrate(databaseUrl);
      if (migrations.length > 0) logger.info({ count: migrations.length }, 'database migrated');
      return await connect(databaseUrl, logger);
    } catch (error) {
      const code = notThereYet(error);
      if (code === undefined || Date.now() > deadline) throw startErrorOf(error, databaseUrl);
      logger.warn({ code, host: hostOf(databaseUrl) }, 'Postgres does not answer yet');
      await sleep(Math.min(retryMs, Math.max(0, deadline - Date.now())));
    }
  }
}

function connect(databaseUrl: string, logger: Logger): Promise<DataSource> {
  const onIdleError = (error: Error): void => {
    // A connection that was being made when the pool was closed outlives it for a moment: that is no news.
    if (source.isInitialized) logger.warn({ reason: error.message }, 'a database connection broke');
  };
  const source = createDataSource(databaseUrl, { applicationName: 'modapi-billing', onIdleError });
  return source.initialize();
}

/** 57P03: the server is starting. The rest: nobody listens, or its name is not known yet. */
const transientCodes = new Set(['57P03', 'ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN']);

function notThereYet(error: unknown): string | undefined {
  // The pool's own time-out has no code.
  if (error instanceof Error && /timeout exceeded|connection timeout/i.test(error.message)) return 'ETIMEDOUT';
  const code = codeOf(error);
  return code !== undefined && transientCodes.has(code) ? code : undefined;
}

/** Wrong password, no such database, no right to create tables: waiting does not help, and a stack says nothing. */
function startErrorOf(error: unknown, databaseUrl: string): unknown {
  const code = notThereYet(error) ?? codeOf(error);
  if (code === undefined || !(error instanceof Error)) return error;
  const reason = error.message || code; // an AggregateError of several addresses has no message
  return new StartError([`DATABASE_URL: cannot use Postgres at ${hostOf(databaseUrl)} (${reason})`]);
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

function hostOf(databaseUrl: string): string {
  return new URL(databaseUrl).host;
}
