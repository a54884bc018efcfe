import type { UsageUnit } from '#libs/contracts';
import { piecesOf, type TimeRange } from './time-buckets.js';

/** Columns that usage_rollups and usage_records both have. */
const dimensions = ['project_id', 'key_id', 'model'] as const;
export type DimensionColumn = (typeof dimensions)[number];

export const columnOfUnit: Readonly<Record<UsageUnit, string>> = {
  input: 'input_tokens',
  input_cached: 'input_cached_tokens',
  output: 'output_tokens',
  reasoning: 'reasoning_tokens',
};
const units = Object.values(columnOfUnit);

/** Which usage a report adds up. An absent list means all. */
export interface UsageFilter {
  readonly organizationId: string;
  readonly range: TimeRange;
  readonly bucketSeconds: number;
  readonly endpoints?: readonly string[] | undefined;
  readonly projectIds?: readonly string[] | undefined;
  readonly keyIds?: readonly string[] | undefined;
  readonly models?: readonly string[] | undefined;
}

/** Values of a statement; `add` gives the placeholder. */
export class Parameters {
  readonly values: unknown[] = [];

  add(value: unknown): string {
    return `$${this.values.push(value)}`;
  }
}

/**
 * Usage from the roll-ups, and from the records that are not rolled up yet: in one statement, so that both are of one
 * snapshot and no record is missed or seen twice. Columns: at, dimensions, requests, units, charge_nanos.
 */
export function usageRowsSql(filter: UsageFilter, parameters: Parameters): string {
  const organization = parameters.add(filter.organizationId);
  const lists = [
    ['endpoint', filter.endpoints],
    ['project_id', filter.projectIds],
    ['key_id', filter.keyIds],
    ['model', filter.models],
  ] as const;
  const conditions = lists.flatMap(([column, values]) =>
    values === undefined ? [] : [` and ${column} = any(${parameters.add(values)}::text[])`],
  );
  const within = (column: string, { start, end }: TimeRange): string =>
    `${column} >= to_timestamp(${parameters.add(start)}::float8) and ${column} < to_timestamp(${parameters.add(end)}::float8)`;
  const columns = [...dimensions, ...units, 'charge_nanos'].join(', ');
  const rolledUp = piecesOf(filter.range, filter.bucketSeconds).map(
    (piece) => `
      select starts_at as at, requests, ${columns} from usage_rollups
      where organization_id = ${organization} and grain = '${piece.grain}' and ${within('starts_at', piece)}${conditions.join('')}`,
  );
  const tail = `
      select finished_at as at, (content_delivered or charge_nanos + written_off_nanos > 0)::int as requests, ${columns}
      from usage_records
      where organization_id = ${organization} and recorded_xid >= usage_rolled_up_to()
        and ${within('finished_at', filter.range)}${conditions.join('')}`;
  return [...rolledUp, tail].join('\n      union all');
}

/** Start of the bucket that a row is in, as SQL; UTC whatever the server's zone. */
export function bucketSql(bucketSeconds: number): string {
  return `date_bin('${bucketSeconds} seconds', at, 'epoch')`;
}
