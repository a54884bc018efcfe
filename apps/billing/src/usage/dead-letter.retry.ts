import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { settleUsage } from './settle-usage.js';
import { intakeOf, type UsageRow } from './usage-intake.js';
import { isRefusal } from './usage.store.js';

interface OpenLetter {
  readonly id: string;
  readonly payload: unknown;
}

/** Gives letters another chance: what a newer billing understands becomes a record, and is charged. */
@Injectable()
export class DeadLetterRetry {
  constructor(private readonly dataSource: DataSource) {}

  /** Tries every open letter once; how many are usage records now. Any number of processes may do so at once. */
  async retry(): Promise<number> {
    const startedAt = await databaseTime(this.dataSource);
    let resolved = 0;
    for (;;) {
      // One transaction each: a settlement locks all its accounts at once, and two of them in one could deadlock.
      const tried = await this.dataSource.transaction((manager) => retryOne(manager, startedAt));
      if (tried === 'none left') return resolved;
      if (tried === 'resolved') resolved += 1;
    }
  }
}

/** `tried_at` is written by this clock, so it is compared with no other: ours may be ahead or behind. Text keeps the microseconds. */
async function databaseTime(dataSource: DataSource): Promise<string> {
  const [row] = await dataSource.query<{ now: string }[]>('select now()::text as now');
  if (row === undefined) throw new Error('the database did not tell its time');
  return row.now;
}

async function retryOne(manager: EntityManager, startedAt: string): Promise<'none left' | 'resolved' | 'open'> {
  const [letter] = await manager.query<OpenLetter[]>(
    `select id, payload from dead_letters
     where resolved_at is null and (tried_at is null or tried_at < $1::timestamptz)
     order by tried_at nulls first limit 1 for update skip locked`,
    [startedAt],
  );
  if (letter === undefined) return 'none left';
  const intake = intakeOf(letter.payload);
  const resolved = 'row' in intake && (await isSettled(manager, intake.row));
  // Not before the start, even if that clock was set back meanwhile: this run would take the letter again, for ever.
  await manager.query(
    `update dead_letters set tried_at = greatest(now(), $2::timestamptz), resolved_at = case when $3 then now() end
     where id = $1`,
    [letter.id, startedAt, resolved],
  );
  return resolved ? 'resolved' : 'open';
}

/** Settles the row, in a savepoint: a refusal must not undo that the letter was tried. */
async function isSettled(manager: EntityManager, row: UsageRow): Promise<boolean> {
  try {
    await manager.transaction((savepoint) => settleUsage(savepoint, [row]));
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}
