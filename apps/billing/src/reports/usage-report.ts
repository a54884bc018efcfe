import type { EntityManager } from 'typeorm';
import {
  bucketWidths,
  type ReportPage,
  type UsageDimension,
  type UsageKind,
  type UsageQuery,
  type UsageResult,
} from '#libs/contracts';
import { pageWindowOf, type PageWindow, reportPageOf } from './report-page.js';
import { bucketSql, columnOfUnit, type DimensionColumn, Parameters, usageRowsSql } from './usage-rows.js';

type Value = string | boolean | null;

interface Column {
  readonly column: DimensionColumn;
  /** The word for what the column holds; itself when absent. */
  readonly tell?: (held: string, kind: UsageKind) => string | null;
}

/** A dimension is a column, or the same for every call: we have no end users, batches and tiers yet. */
const dimensions: Readonly<Record<UsageDimension, Column | { readonly fixed: Value }>> = {
  project_id: { column: 'project_id' },
  api_key_id: { column: 'key_id' },
  model: { column: 'model' },
  user_id: { fixed: null },
  batch: { fixed: false },
  service_tier: { fixed: 'default' },
  // OpenAI's word for calls whose source is not known.
  api_source: { fixed: 'unlabeled' },
  // Empty where the model decided, or no size was known.
  size: { column: 'image_size', tell: (held) => held || null },
  source: { column: 'endpoint', tell: (held, kind) => kind.sources?.[held] ?? null },
};

export interface ReportContext {
  /** Sees the organization's rows at least. */
  readonly manager: EntityManager;
  readonly organizationId: string;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

type UsageRow = Record<string, string>;

/** One page of a usage report, exact at any moment. */
export async function readUsage(
  context: ReportContext,
  kind: UsageKind,
  query: UsageQuery,
): Promise<ReportPage<UsageResult>> {
  const { seconds, limit } = bucketWidths[query.bucket_width];
  const window = pageWindowOf(query, {
    bucketSeconds: seconds,
    roundToSeconds: 60,
    limit: query.limit ?? limit,
    now: context.nowMs / 1_000,
  });
  const rows = isNothing(kind, query, window) ? [] : await select(context, { kind, query, window });
  const results = rows.map((row) => ({ second: Number(row['second']), result: resultOf(row, kind, query) }));
  return reportPageOf(window, results);
}

/** Nobody is an end user, and nothing is a batch: who asks for those alone gets empty buckets. */
function isNothing(kind: UsageKind, query: UsageQuery, window: PageWindow): boolean {
  const asksForUnknown = query.batch === true || query.user_ids !== undefined;
  return endpointsOf(kind, query).length === 0 || window.buckets.length === 0 || asksForUnknown;
}

function endpointsOf({ endpoints, sources }: UsageKind, { sources: asked }: UsageQuery): readonly string[] {
  return asked === undefined ? endpoints : endpoints.filter((id) => asked.includes(sources?.[id] ?? ''));
}

interface Selection {
  readonly kind: UsageKind;
  readonly query: UsageQuery;
  readonly window: PageWindow;
}

function select({ manager, organizationId }: ReportContext, selection: Selection): Promise<UsageRow[]> {
  const { kind, query, window } = selection;
  const parameters = new Parameters();
  const units = [...new Set(Object.values(kind.quantities).flat())];
  const rows = usageRowsSql(
    {
      organizationId,
      range: window.range,
      bucketSeconds: window.bucketSeconds,
      endpoints: endpointsOf(kind, query),
      projectIds: query.project_ids,
      keyIds: query.api_key_ids,
      models: query.models,
      imageSizes: query.sizes,
      units,
    },
    parameters,
  );
  const bucket = bucketSql(window.bucketSeconds);
  const groups = columnsOf(query.group_by).map((column) => `, ${column}`);
  const quantities = Object.entries(kind.quantities).map(([field, units]) => {
    const sum = units.map((unit) => columnOfUnit[unit]).join(' + ');
    return `, sum(${sum})::text as "${field}"`;
  });
  const sql = `
    select extract(epoch from ${bucket})::bigint as second${groups.join('')}, sum(requests)::text as requests${quantities.join('')}
    from (${rows}) usage
    where requests > 0 or ${units.map((unit) => columnOfUnit[unit]).join(' + ')} > 0
    group by ${bucket}${groups.join('')} order by ${bucket}${groups.join('')}`;
  return manager.query(sql, parameters.values);
}

function columnsOf(groupBy: readonly UsageDimension[]): DimensionColumn[] {
  return groupBy.flatMap((name) => {
    const dimension = dimensions[name];
    return 'column' in dimension ? [dimension.column] : [];
  });
}

function resultOf(row: UsageRow, kind: UsageKind, query: UsageQuery): UsageResult {
  const result: Record<string, string | number | boolean | null> = {};
  for (const field of Object.keys(kind.quantities)) result[field] = Number(row[field]);
  const groups: Record<string, Value> = {};
  for (const name of kind.groupBy) {
    const dimension = dimensions[name];
    groups[name] = query.group_by.includes(name) ? valueOf(dimension, row, kind) : null;
  }
  return {
    object: `organization.usage.${kind.id}.result`,
    ...result,
    num_model_requests: Number(row['requests']),
    ...groups,
  };
}

function valueOf(dimension: (typeof dimensions)[UsageDimension], row: UsageRow, kind: UsageKind): Value {
  if (!('column' in dimension)) return dimension.fixed;
  const held = row[dimension.column];
  if (held === undefined) return null;
  return dimension.tell ? dimension.tell(held, kind) : held;
}
