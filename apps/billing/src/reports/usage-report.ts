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

type Fixed = string | boolean | null;

/** A dimension is a column, or the same for every call: we have no end users, batches, tiers and image sizes yet. */
const dimensions: Readonly<Record<UsageDimension, { readonly column: DimensionColumn } | { readonly fixed: Fixed }>> = {
  project_id: { column: 'project_id' },
  api_key_id: { column: 'key_id' },
  model: { column: 'model' },
  user_id: { fixed: null },
  batch: { fixed: false },
  service_tier: { fixed: 'default' },
  // OpenAI's word for calls whose source is not known.
  api_source: { fixed: 'unlabeled' },
  size: { fixed: null },
  source: { fixed: null },
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
  const asksForUnknown = query.batch === true || [query.user_ids, query.sizes, query.sources].some(Boolean);
  return kind.endpoints.length === 0 || window.buckets.length === 0 || asksForUnknown;
}

interface Selection {
  readonly kind: UsageKind;
  readonly query: UsageQuery;
  readonly window: PageWindow;
}

function select({ manager, organizationId }: ReportContext, selection: Selection): Promise<UsageRow[]> {
  const { kind, query, window } = selection;
  const parameters = new Parameters();
  const rows = usageRowsSql(
    {
      organizationId,
      range: window.range,
      bucketSeconds: window.bucketSeconds,
      endpoints: kind.endpoints,
      projectIds: query.project_ids,
      keyIds: query.api_key_ids,
      models: query.models,
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
    where requests > 0 or ${Object.values(columnOfUnit).join(' + ')} > 0
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
  const groups: Record<string, Fixed> = {};
  for (const name of kind.groupBy) {
    const dimension = dimensions[name];
    const value = 'column' in dimension ? (row[dimension.column] ?? null) : dimension.fixed;
    groups[name] = query.group_by.includes(name) ? value : null;
  }
  return {
    object: `organization.usage.${kind.id}.result`,
    ...result,
    num_model_requests: Number(row['requests']),
    ...groups,
  };
}
