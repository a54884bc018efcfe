import { type UsageUnit, usageUnits } from '#libs/contracts';
import { piecesOf, type TimeRange } from './time-buckets.js';

/** What rows are told apart by. */
const dimensions = ['project_id', 'key_id', 'model', 'endpoint', 'image_size'] as const;
export type DimensionColumn = (typeof dimensions)[number];

type PlainUnit = (typeof usageUnits)[number];
/** Columns of usage_rollups; the first four are of usage_records too. Images of all variants are one. */
export const columnOfUnit: Readonly<Record<PlainUnit, string>> = {
  input: 'input_tokens',
  input_cached: 'input_cached_tokens',
  output: 'output_tokens',
  reasoning: 'reasoning_tokens',
  input_audio: 'input_audio_tokens',
  input_image: 'input_image_tokens',
  output_audio: 'output_audio_tokens',
  output_image: 'output_image_tokens',
  images: 'images',
  pixels: 'pixels',
  seconds: 'seconds',
  characters: 'characters',
  searches: 'searches',
};
const ownColumns: ReadonlySet<UsageUnit> = new Set<UsageUnit>(['input', 'input_cached', 'output', 'reasoning']);

/** Of a record that is not rolled up yet, computed as the roll-up does. */
const recordedDimensions: Readonly<Partial<Record<DimensionColumn, string>>> = {
  image_size: `coalesce(image_size_of(further_usage), image_size_of(measured_usage), '')`,
};

/** Which usage a report adds up. An absent list means all. */
export interface UsageFilter {
  readonly organizationId: string;
  readonly range: TimeRange;
  readonly bucketSeconds: number;
  readonly endpoints?: readonly string[] | undefined;
  readonly projectIds?: readonly string[] | undefined;
  readonly keyIds?: readonly string[] | undefined;
  readonly models?: readonly string[] | undefined;
  readonly imageSizes?: readonly string[] | undefined;
  /** Those that the caller adds up, charge_nanos apart. */
  readonly units: readonly PlainUnit[];
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
 * snapshot and no record is missed or seen twice. Columns: at, dimensions, requests, the filter's units, charge_nanos.
 */
export function usageRowsSql(filter: UsageFilter, parameters: Parameters): string {
  const organization = parameters.add(filter.organizationId);
  const lists = [
    ['endpoint', filter.endpoints],
    ['project_id', filter.projectIds],
    ['key_id', filter.keyIds],
    ['model', filter.models],
    ['image_size', filter.imageSizes],
  ] as const;
  const given = lists.flatMap(([column, values]) =>
    values === undefined ? [] : [{ column, placeholder: parameters.add(values) }],
  );
  const conditions = (columnSql: (column: DimensionColumn) => string): string =>
    given.map(({ column, placeholder }) => ` and ${columnSql(column)} = any(${placeholder}::text[])`).join('');
  const within = (column: string, { start, end }: TimeRange): string =>
    `${column} >= to_timestamp(${parameters.add(start)}::float8) and ${column} < to_timestamp(${parameters.add(end)}::float8)`;
  const columns = [...dimensions, ...filter.units.map((unit) => columnOfUnit[unit]), 'charge_nanos'].join(', ');
  const rolledUp = piecesOf(filter.range, filter.bucketSeconds).map(
    (piece) => `
      select starts_at as at, requests, ${columns} from usage_rollups
      where organization_id = ${organization} and grain = '${piece.grain}' and ${within('starts_at', piece)}${conditions((column) => column)}`,
  );
  const recorded = [
    ...dimensions.map((column) => `${recordedDimension(column)} as ${column}`),
    ...filter.units.map((unit) => `${recordedUnit(unit)} as ${columnOfUnit[unit]}`),
    'charge_nanos',
  ].join(', ');
  const tail = `
      select finished_at as at, (content_delivered or charge_nanos + written_off_nanos > 0)::int as requests, ${recorded}
      from usage_records
      where organization_id = ${organization} and recorded_xid >= usage_rolled_up_to()
        and ${within('finished_at', filter.range)}${conditions(recordedDimension)}`;
  return [...rolledUp, tail].join('\n      union all');
}

function recordedDimension(column: DimensionColumn): string {
  return recordedDimensions[column] ?? column;
}

function recordedUnit(unit: PlainUnit): string {
  if (!ownColumns.has(unit)) return `usage_quantity('${unit}', further_usage, measured_usage)`;
  return `${columnOfUnit[unit]} + usage_quantity('${unit}', null, measured_usage)`;
}

/** Start of the bucket that a row is in, as SQL; UTC whatever the server's zone. */
export function bucketSql(bucketSeconds: number): string {
  return `date_bin('${bucketSeconds} seconds', at, 'epoch')`;
}
