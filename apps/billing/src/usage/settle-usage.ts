import type { EntityManager } from 'typeorm';
import { rowsAsJson, UsageRecord } from '#libs/persistence';
import type { UsageRow } from './usage-intake.js';

/** What became of one row. */
export interface Settlement {
  readonly attemptId: string;
  /** False: the attempt was recorded before, by whichever witness. */
  readonly inserted: boolean;
  readonly chargeNanos: bigint;
  /** What neither hold nor balance covered. */
  readonly writtenOffNanos: bigint;
  /** Charged although its hold had been voided or had expired. */
  readonly late: boolean;
  /** Recorded, but there is nobody to charge. */
  readonly unknownOrganization: boolean;
}

interface SettlementRow {
  readonly attempt_id: string;
  readonly inserted: boolean;
  readonly charge_nanos: string;
  readonly written_off_nanos: string;
  readonly late: boolean;
  readonly unknown_organization: boolean;
}

/** Records and charges usage in one round trip; answers in the order of the rows. What was settled before stays. */
export async function settleUsage(manager: EntityManager, rows: readonly UsageRow[]): Promise<Settlement[]> {
  if (rows.length === 0) return [];
  const json = rowsAsJson(manager, UsageRecord, rows);
  const settled = await manager.query<SettlementRow[]>('select * from ledger_settle($1::json)', [json]);
  return settled.map((row) => ({
    attemptId: row.attempt_id,
    inserted: row.inserted,
    chargeNanos: BigInt(row.charge_nanos),
    writtenOffNanos: BigInt(row.written_off_nanos),
    late: row.late,
    unknownOrganization: row.unknown_organization,
  }));
}
