import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { insertRows, UsageRecord } from '#libs/persistence';
import { intakeOf, type UsageRow } from './usage-intake.js';
import { isRefusal } from './usage.store.js';

interface OpenLetter {
  readonly id: string;
  readonly payload: unknown;
}

const batchSize = 100;

/** Gives letters another chance: a newer billing may understand what an older one could not. */
@Injectable()
export class DeadLetterRetry {
  constructor(private readonly dataSource: DataSource) {}

  /** Tries every open letter once; how many are usage records now. Any number of processes may do so at once. */
  async retry(): Promise<number> {
    const startedAt = await databaseTime(this.dataSource);
    let resolved = 0;
    for (;;) {
      const batch = await this.dataSource.transaction((manager) => retryBatch(manager, startedAt));
      resolved += batch.resolved;
      if (batch.tried < batchSize) return resolved;
    }
  }
}

/** `tried_at` is written by this clock, so it is compared with no other: ours may be ahead or behind. Text keeps the microseconds. */
async function databaseTime(dataSource: DataSource): Promise<string> {
  const [row] = await dataSource.query<{ now: string }[]>('select now()::text as now');
  if (row === undefined) throw new Error('the database did not tell its time');
  return row.now;
}

async function retryBatch(manager: EntityManager, startedAt: string): Promise<{ tried: number; resolved: number }> {
  const letters = await manager.query<OpenLetter[]>(
    `select id, payload from dead_letters
     where resolved_at is null and (tried_at is null or tried_at < $1::timestamptz)
     order by tried_at nulls first limit ${batchSize} for update skip locked`,
    [startedAt],
  );
  const resolved: string[] = [];
  for (const { id, payload } of letters) {
    const intake = intakeOf(payload);
    if ('row' in intake && (await isStorable(manager, intake.row))) resolved.push(id);
  }
  // Not before the start, even if that clock was set back meanwhile: this run would take the letter again, for ever.
  await manager.query(
    `update dead_letters set tried_at = greatest(now(), $3::timestamptz),
       resolved_at = case when id = any($2::text[]) then now() end
     where id = any($1::text[])`,
    [letters.map(({ id }) => id), resolved, startedAt],
  );
  return { tried: letters.length, resolved: resolved.length };
}

/** Stores the row, in a savepoint: what Postgres refuses must not undo the rest. */
async function isStorable(manager: EntityManager, row: UsageRow): Promise<boolean> {
  try {
    await manager.transaction((savepoint) => insertRows(savepoint, UsageRecord, [row]));
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}
