/** Postgres: the data source, entities, migrations, and a server of our own for machines without one. */
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  freePort,
  startEmbeddedPostgres,
} from './embedded-postgres.js';
export { type GuardedProcess, startGuardedProcess, tailOf } from './embedded-postgres-process.js';
/** A TypeORM data source over all entities. */
export { createDataSource, type DataSourceOptions } from './data-source.js';
/** Brings the schema up to date. */
export { migrate } from './migrate.js';
/** Many rows in one statement, existing keys skipped. */
export { insertRows } from './insert-rows.js';
/** The same rows as one parameter of a function in Postgres. */
export { rowsAsJson } from './insert-rows.js';
/** The tables. */
export { ApiKey } from './entities/api-key.entity.js';
export { DeadLetter } from './entities/dead-letter.entity.js';
export { Organization } from './entities/organization.entity.js';
export { Project } from './entities/project.entity.js';
export { UsageRecord } from './entities/usage-record.entity.js';
