import type { DataSource } from 'typeorm';

const rowsPerTransaction = 5_000;
const days = 30;

/** Ids of what is made, for whoever reads it. Organizations have 40, 30, 15, 10 and 5 percent of the calls. */
export const seeded = {
  days,
  organizations: ['org_seed_0', 'org_seed_1', 'org_seed_2', 'org_seed_3', 'org_seed_4'],
  project: (organization: number, index: number): string => `proj_seed_${organization}_${index}`,
  key: (organization: number, project: number, index: number): string => `key_seed_${organization}_${project}_${index}`,
  model: (index: number): string => `seed/model-${index}`,
  projects: 4,
  keys: 5,
  models: 12,
} as const;

/**
 * Calls of the last 30 days in the order of time: each a usage record, and a capture in the ledger when it cost
 * something. One in 33 failed without a charge. Numbers come from a hash, so that every run makes the same.
 */
const insertCalls = `
  with call as (
    select n, hashint8extended(n, 1) & 1023 as h1, hashint8extended(n, 2) & 65535 as h2, hashint8extended(n, 3) & 65535 as h3,
      $3::timestamptz + (n::float8 / $4::float8) * interval '${days} days' as finished_at
    from generate_series($1::bigint, $2::bigint) n
  ), placed as (
    select *, width_bucket(h1, array[0, 410, 717, 870, 973]) - 1 as organization, h2 % 4 as project, (h2 / 4) % 5 as key,
      (h2 / 20) % 12 as model, h3 % 33 <> 0 as paid, h3 % 2000 + 10 as input, (h3 / 7) % 900 as output
    from call
  ), recorded as (
    insert into usage_records (attempt_id, request_id, organization_id, project_id, key_id, witness, endpoint, model,
      provider, upstream_model, upstream_status, outcome, content_delivered, usage_source, input_tokens,
      input_cached_tokens, output_tokens, reasoning_tokens, price, charge_nanos, started_at, finished_at)
    select 'req_seed_' || n || '#1', 'req_seed_' || n, 'org_seed_' || organization,
      'proj_seed_' || organization || '_' || project, 'key_seed_' || organization || '_' || project || '_' || key,
      'worker', case when model < 9 then 'chat.completions' when model < 11 then 'embeddings' else 'responses' end,
      'seed/model-' || model, 'seed', 'model-' || model, case when paid then 200 else 500 end,
      case when paid then 'done' else 'upstream_error' end, paid, case when paid then 'provider' else 'none' end,
      case when paid then input else 0 end, case when paid then input / 5 else 0 end,
      case when paid then output else 0 end, case when paid then output / 9 else 0 end,
      '{"input": "150000000", "input_cached": "75000000", "output": "600000000", "reasoning": "600000000"}',
      case when paid then input * 150 + (input / 5) * 75 + (output + output / 9) * 600 else 0 end,
      finished_at - interval '2 seconds', finished_at
    from placed
    returning request_id, attempt_id, organization_id, charge_nanos, finished_at
  ), captured as (
    insert into ledger_transactions (kind, ref, organization_id, request_id, attempt_id, available_nanos, revenue_nanos, created_at)
    select 'capture', request_id, organization_id, request_id, attempt_id, -charge_nanos, charge_nanos, finished_at
    from recorded where charge_nanos > 0
    returning organization_id, available_nanos
  )
  update ledger_accounts a set available_nanos = a.available_nanos + spent.nanos
  from (select organization_id, sum(available_nanos) as nanos from captured group by 1) spent
  where a.organization_id = spent.organization_id`;

/** A hundred of them over the 30 days. */
const insertRefunds = `
  with refunded as (
    insert into ledger_transactions (kind, ref, organization_id, available_nanos, revenue_nanos, created_at)
    select 'refund', 'org_seed_' || n % 5 || ':refund_' || n, 'org_seed_' || n % 5, n * 1001, -n * 1001,
      $1::timestamptz + n * interval '7 hours'
    from generate_series(1, 100) n
    returning organization_id, available_nanos
  )
  update ledger_accounts a set available_nanos = a.available_nanos + given.nanos
  from (select organization_id, sum(available_nanos) as nanos from refunded group by 1) given
  where a.organization_id = given.organization_id`;

/** Fills a database. One that was seeded before is left alone: usage cannot be removed. */
export async function seedRows(dataSource: DataSource, rows: number, print: (line: string) => void): Promise<void> {
  const before = await dataSource.query<unknown[]>(`select from organizations where id = 'org_seed_0'`);
  if (before.length > 0) {
    print('the database has seeded usage already: nothing is added');
    return;
  }
  for (const [index, organization] of seeded.organizations.entries()) {
    await dataSource.query(`insert into organizations (id, name, billing_mode) values ($1, $1, 'postpaid')`, [
      organization,
    ]);
    await dataSource.query(
      `insert into projects (id, organization_id, name)
       select 'proj_seed_' || $2::int || '_' || n, $1, 'Project ' || n from generate_series(0, ${seeded.projects - 1}) n`,
      [organization, index],
    );
  }
  const startsAt = new Date(Date.now() - days * 86_400_000);
  for (let from = 1; from <= rows; from += rowsPerTransaction) {
    const to = Math.min(from + rowsPerTransaction - 1, rows);
    await dataSource.query(insertCalls, [from, to, startsAt, rows]);
    const tenth = Math.ceil(rows / 10);
    if (Math.floor(to / tenth) > Math.floor((from - 1) / tenth)) print(`${to} of ${rows} records`);
  }
  await dataSource.query(insertRefunds, [startsAt]);
}
