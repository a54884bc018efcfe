import { DataSource } from 'typeorm';
import { ApiKey } from './entities/api-key.entity.js';
import { DeadLetter } from './entities/dead-letter.entity.js';
import { Organization } from './entities/organization.entity.js';
import { Project } from './entities/project.entity.js';
import { UsageRecord } from './entities/usage-record.entity.js';
import { migrations } from './migrations/index.js';

export interface DataSourceOptions {
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  /** Connections of this process; a batch needs one, so a few are plenty. */
  readonly poolSize?: number;
  /** Milliseconds until Postgres gives a statement up; 0 = never. */
  readonly statementTimeoutMs?: number;
  /** An idle connection broke, e.g. because Postgres restarted: worth a log line, never a crash. */
  readonly onIdleError?: (error: Error) => void;
}

/** A data source, not yet connected. Never synchronises the schema: that is what `migrate` is for. */
export function createDataSource(databaseUrl: string, options: DataSourceOptions): DataSource {
  const statementTimeoutMs = options.statementTimeoutMs ?? 5_000;
  return new DataSource({
    type: 'postgres',
    url: databaseUrl,
    entities: [Organization, Project, ApiKey, UsageRecord, DeadLetter],
    migrations,
    migrationsTableName: 'migrations',
    synchronize: false,
    logging: false,
    poolSize: options.poolSize ?? 4,
    connectTimeoutMS: 3_000,
    applicationName: options.applicationName,
    poolErrorHandler: options.onIdleError ?? (() => undefined),
    extra: {
      // pg parses the whole URL, sslmode and socket paths included; TypeORM's own parser knows less.
      connectionString: databaseUrl,
      keepAlive: true,
      // Without all of these a half-dead Postgres hangs its callers instead of failing them.
      statement_timeout: statementTimeoutMs,
      lock_timeout: Math.min(statementTimeoutMs, 2_000),
      idle_in_transaction_session_timeout: 30_000,
      ...(statementTimeoutMs > 0 && { query_timeout: statementTimeoutMs + 1_000 }),
    },
  });
}
