import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, QueryFailedError } from 'typeorm';
import { insertRows, UsageRecord } from '#libs/persistence';
import { type DeadLetterRow, deadLetterOf, intakeOf, type UsageEvent, type UsageRow } from './usage-intake.js';

/** What became of a batch. */
export interface Stored {
  readonly inserted: number;
  /** Events of attempts that were stored before. */
  readonly duplicates: number;
  readonly deadLetters: readonly DeadLetterRow[];
}

interface PricedEvent {
  readonly event: UsageEvent;
  readonly row: UsageRow;
}

/** Puts usage into Postgres: once per attempt, whatever is delivered how often. */
@Injectable()
export class UsageStore {
  constructor(private readonly dataSource: DataSource) {}

  /** Resolves when everything is committed; rejects when Postgres is away, and may then be called again. */
  async store(events: readonly UsageEvent[]): Promise<Stored> {
    const priced: PricedEvent[] = [];
    const letters: DeadLetterRow[] = [];
    for (const event of events) {
      const intake = intakeOf(event.event);
      if ('row' in intake) priced.push({ event, row: intake.row });
      else letters.push(deadLetterOf(event, intake.reason));
    }
    const inserted = await this.insert(priced, letters);
    return { inserted, duplicates: events.length - letters.length - inserted, deadLetters: letters };
  }

  /** Adds to `letters` what Postgres refuses. */
  private async insert(priced: readonly PricedEvent[], letters: DeadLetterRow[]): Promise<number> {
    const rows = priced.map(({ row }) => row);
    try {
      // One statement is a transaction already: the usual batch costs one round trip instead of three.
      if (letters.length === 0) return await insertRows(this.dataSource.manager, UsageRecord, rows);
      return await this.dataSource.transaction((manager) => insertBoth(manager, rows, letters));
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    return this.insertOneByOne(priced, letters);
  }

  /** Slow and rare: finds the event that Postgres refuses, so that it blocks no other. */
  private async insertOneByOne(priced: readonly PricedEvent[], letters: DeadLetterRow[]): Promise<number> {
    let inserted = 0;
    for (const { event, row } of priced) {
      try {
        inserted += await insertRows(this.dataSource.manager, UsageRecord, [row]);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        letters.push(deadLetterOf(event, `postgres: ${sqlState(error)}`));
      }
    }
    await insertLetters(this.dataSource.manager, letters);
    return inserted;
  }
}

async function insertBoth(
  manager: EntityManager,
  rows: readonly UsageRow[],
  letters: readonly DeadLetterRow[],
): Promise<number> {
  await insertLetters(manager, letters);
  return insertRows(manager, UsageRecord, rows);
}

/** Not by `insertRows`: on its way through a set of rows Postgres unescapes the payload, and refuses what it cannot. */
async function insertLetters(manager: EntityManager, letters: readonly DeadLetterRow[]): Promise<void> {
  for (const { id, subject, payload, reason, deliveries } of letters) {
    await manager.query(
      `insert into dead_letters (id, subject, payload, reason, deliveries) values ($1, $2, $3, $4, $5)
       on conflict do nothing`,
      [id, subject, JSON.stringify(payload), reason, deliveries],
    );
  }
}

/** The data is at fault (22 out of range, 23 constraint, 54 too large), not the server: trying again cannot help. */
export function isRefusal(error: unknown): error is QueryFailedError {
  return error instanceof QueryFailedError && /^(22|23|54)/.test(sqlState(error));
}

function sqlState(error: QueryFailedError): string {
  return (error.driverError as { code?: string }).code ?? '';
}
