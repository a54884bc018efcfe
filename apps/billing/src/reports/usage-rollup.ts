import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** A run takes a quarter of a second or so: far below the statement time-out, and short for whoever shares the disk. */
const recordsPerRun = 10_000;

/** Adds new usage records to the roll-ups. Safe in several processes at once: one works, the others find nothing to do. */
@Injectable()
export class UsageRollup {
  constructor(private readonly dataSource: DataSource) {}

  /** One bounded step in a transaction of its own; true: a backlog is left. */
  async step(): Promise<boolean> {
    const rows: { taken: number | null }[] = await this.dataSource.query('select roll_up_usage($1) as taken', [
      recordsPerRun,
    ]);
    // Transactions are taken whole, so that a full step is seldom full to the last record.
    return (rows[0]?.taken ?? 0) > recordsPerRun / 2;
  }
}
