import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { advisoryLocks } from './advisory-locks.js';
import { createDataSource } from './data-source.js';

const retryMs = 100;

/**
 * Brings the schema up to date; the names of what ran. Any number of processes may call it at once: one migrates,
 * the others wait for it and find nothing to do.
 */
export async function migrate(databaseUrl: string, waitMs = 60_000): Promise<string[]> {
  const dataSource = createDataSource(databaseUrl, {
    applicationName: 'modapi-migrate',
    poolSize: 2,
    statementTimeoutMs: 0,
  });
  await dataSource.initialize();
  try {
    return await underLock(dataSource, waitMs, async () => {
      const ran = await dataSource.runMigrations({ transaction: 'each' });
      return ran.map((migration) => migration.name);
    });
  } finally {
    await dataSource.destroy();
  }
}

/** The lock belongs to a connection: if this process dies, Postgres releases it. */
async function underLock<T>(dataSource: DataSource, waitMs: number, work: () => Promise<T>): Promise<T> {
  const holder = dataSource.createQueryRunner();
  const deadline = Date.now() + waitMs;
  try {
    for (;;) {
      const [row] = (await holder.query('select pg_try_advisory_lock($1) as locked', [advisoryLocks.migration])) as [
        { locked: boolean },
      ];
      if (row.locked) break;
      if (Date.now() > deadline) throw new Error(`another process has been migrating the database for ${waitMs} ms`);
      await sleep(retryMs);
    }
    const result = await work();
    await holder.query('select pg_advisory_unlock($1)', [advisoryLocks.migration]);
    return result;
  } finally {
    await holder.release();
  }
}
