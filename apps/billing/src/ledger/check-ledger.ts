import type { EntityManager } from 'typeorm';
import { createDataSource } from '#libs/persistence';
import { type Invariant, invariants } from './invariants.js';

/** What one query found. */
export interface Finding extends Pick<Invariant, 'id' | 'says' | 'level'> {
  readonly count: number;
  /** The first of them. */
  readonly offenders: readonly Readonly<Record<string, unknown>>[];
}

export interface LedgerCheckOptions {
  /** A hold may be open so long after its lease; the expirer works every few seconds. */
  readonly overdueSeconds?: number;
}

const shownOffenders = 5;

/** Checks every invariant on one snapshot of the books, while the gateway runs. Reads only. */
export async function checkLedger(databaseUrl: string, options: LedgerCheckOptions = {}): Promise<Finding[]> {
  const settings = { applicationName: 'modapi-ledger-check', poolSize: 1, statementTimeoutMs: 0 };
  const database = await createDataSource(databaseUrl, settings).initialize();
  try {
    return await database.transaction('REPEATABLE READ', async (manager) => {
      await manager.query('set transaction read only');
      return findOffenders(manager, options);
    });
  } finally {
    await database.destroy();
  }
}

/** The same within a transaction of the caller's. */
export async function findOffenders(manager: EntityManager, options: LedgerCheckOptions = {}): Promise<Finding[]> {
  const overdue = String(Number(options.overdueSeconds ?? 60));
  const findings: Finding[] = [];
  for (const { id, says, level, sql } of invariants) {
    const [row] = await manager.query<{ count: number; offenders: Finding['offenders'] }[]>(
      `with found as materialized (${sql.replaceAll(':overdue', overdue)})
       select (select count(*)::int from found) as count,
         coalesce((select json_agg(f) from (select * from found limit ${shownOffenders}) f), '[]') as offenders`,
    );
    findings.push({ id, says, level, count: row?.count ?? 0, offenders: row?.offenders ?? [] });
  }
  return findings;
}
