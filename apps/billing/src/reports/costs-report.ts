import { bucketWidths, type CostsQuery, type CostsResult, type ReportPage, refundLineItem } from '#libs/contracts';
import { dollarsOf } from './dollars.js';
import { pageWindowOf, type PageWindow, reportPageOf } from './report-page.js';
import type { ReportContext } from './usage-report.js';
import { bucketSql, Parameters, usageRowsSql } from './usage-rows.js';

type Dimension = CostsQuery['group_by'][number];

/** Columns of the rows below; the other dimensions are the same for every cost. */
const columns: Readonly<Partial<Record<Dimension, string>>> = {
  project_id: 'project_id',
  api_key_id: 'key_id',
  line_item: 'line_item',
};

type CostsRow = Record<string, string>;

const daySeconds = bucketWidths['1d'].seconds;

/**
 * One page of what the organization paid. Charges are in `usage_records`, what was given back is in the ledger only:
 * together they are the ledger's revenue and write-offs, to the nano-dollar.
 */
export async function readCosts(context: ReportContext, query: CostsQuery): Promise<ReportPage<CostsResult>> {
  const window = pageWindowOf(query, {
    bucketSeconds: daySeconds,
    roundToSeconds: daySeconds,
    limit: query.limit,
    now: context.nowMs / 1_000,
  });
  const rows = window.buckets.length === 0 ? [] : await select(context, query, window);
  return reportPageOf(
    window,
    rows.map((row) => ({ second: Number(row['second']), result: resultOf(row, query) })),
  );
}

function select(
  { manager, organizationId }: ReportContext,
  query: CostsQuery,
  { range, bucketSeconds }: PageWindow,
): Promise<CostsRow[]> {
  const parameters = new Parameters();
  const { project_ids: projectIds, api_key_ids: keyIds } = query;
  const charges = usageRowsSql({ organizationId, range, bucketSeconds, projectIds, keyIds, units: [] }, parameters);
  const sources = [
    `select at, project_id, key_id, model as line_item, charge_nanos as nanos from (${charges}) charges`,
  ];
  // A refund belongs to no project and no key.
  if (!projectIds && !keyIds) sources.push(refundsSql(organizationId, range, parameters));
  const items = query.line_items ? ` and line_item = any(${parameters.add(query.line_items)}::text[])` : '';
  const bucket = bucketSql(bucketSeconds);
  const groups = query.group_by.flatMap((name) => (columns[name] ? [`, ${columns[name]}`] : [])).join('');
  const sql = `
    select extract(epoch from ${bucket})::bigint as second${groups}, sum(nanos)::text as nanos
    from (${sources.join(' union all ')}) costs where nanos <> 0${items}
    group by ${bucket}${groups} order by ${bucket}${groups}`;
  return manager.query(sql, parameters.values);
}

function refundsSql(organizationId: string, range: PageWindow['range'], parameters: Parameters): string {
  return `
    select created_at, null, null, '${refundLineItem}', revenue_nanos + writeoff_nanos from ledger_transactions
    where organization_id = ${parameters.add(organizationId)} and kind in ('refund', 'adjustment')
      and created_at >= to_timestamp(${parameters.add(range.start)}::float8)
      and created_at < to_timestamp(${parameters.add(range.end)}::float8)`;
}

function resultOf(row: CostsRow, query: CostsQuery): CostsResult {
  const groupedBy = (name: Dimension): boolean => query.group_by.includes(name);
  const nanos = BigInt(row['nanos'] ?? '0');
  return {
    object: 'organization.costs.result',
    amount: { value: dollarsOf(nanos), currency: 'usd', nano_usd: nanos.toString() },
    line_item: row['line_item'] ?? null,
    project_id: row['project_id'] ?? null,
    api_key_id: row['key_id'] ?? null,
    user_id: null,
    api_source: groupedBy('api_source') ? 'unlabeled' : null,
    quantity: null,
    quantity_unit: null,
  };
}
