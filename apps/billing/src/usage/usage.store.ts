import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, QueryFailedError } from 'typeorm';
import { type Settlement, settleUsage } from './settle-usage.js';
import { type DeadLetterRow, deadLetterOf, intakeOf, type UsageEvent, type UsageRow } from './usage-intake.js';

/** What became of a batch. */
export interface Stored {
  /** Of every event that could be read and stored; also of those that had been stored before. */
  readonly settlements: readonly Settlement[];
  readonly deadLetters: readonly DeadLetterRow[];
}

interface PricedEvent {
  readonly event: UsageEvent;
  readonly row: UsageRow;
}

/** Puts usage and its charges into Postgres: once per attempt, whatever is delivered how often. */
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
    const settlements = await this.settle(priced, letters);
    return { settlements, deadLetters: letters };
  }

  /** Adds to `letters` what Postgres refuses. */
  private async settle(priced: readonly PricedEvent[], letters: DeadLetterRow[]): Promise<Settlement[]> {
    const rows = priced.map(({ row }) => row);
    try {
      // One statement is a transaction already: the usual batch costs one round trip instead of three.
      if (letters.length === 0) return await settleUsage(this.dataSource.manager, rows);
      return await this.dataSource.transaction(async (manager) => {
        await insertLetters(manager, letters);
        return settleUsage(manager, rows);
      });
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    return this.settleOneByOne(priced, letters);
  }

  /** Slow and rare: finds the event that Postgres refuses, so that it blocks no other. */
  private async settleOneByOne(priced: readonly PricedEvent[], letters: DeadLetterRow[]): Promise<Settlement[]> {
    const settlements: Settlement[] = [];
    for (const { event, row } of priced) {
      try {
        settlements.push(...(await settleUsage(this.dataSource.manager, [row])));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        letters.push(deadLetterOf(event, `postgres: ${sqlState(error)}`));
      }
    }
    await insertLetters(this.dataSource.manager, letters);
    return settlements;
  }
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
