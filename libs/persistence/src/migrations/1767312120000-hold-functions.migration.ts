import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Plans of functions are kept, and one made while a table was empty would scan it for ever: only index scans and
 * nested loops are right here, for a batch of at most 128 items against tables of any size. Only the functions that
 * are called from outside set it: the others run under it, and setting it costs more than their statements.
 * Without the last one Postgres would plan anew at every call, since it thinks an array of known length cheaper.
 */
export const planned = `set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
  set plan_cache_mode = force_generic_plan`;

const types = `
  create type authorize_item as (
    index integer, request_id text, organization_id text, project_id text, key_id text, endpoint text, model text,
    hold_nanos bigint, price_snapshot_id text, idempotency_key text, fingerprint text,
    -- Filled in by ledger_authorize, element by element.
    budget_ids text[], budget_windows timestamptz[])`;

const windowStart = `
  create function budget_window_start(period text) returns timestamptz language sql stable as $$
    select case period
      when 'day' then date_trunc('day', now(), 'UTC')
      when 'month' then date_trunc('month', now(), 'UTC')
      else to_timestamp(0)
    end
  $$`;

/** What an account can still set aside. Postpaid has no floor; 4e18 only keeps its sums inside a bigint. */
const room = `
  create function ledger_room(available bigint, overdraft bigint) returns numeric language sql immutable as $$
    select available::numeric + coalesce(overdraft, 4000000000000000000)
  $$`;

/**
 * First of all in every function of the ledger, always in this order: no two transactions wait for each other, and
 * holds, budget windows and claims of an organization change under its lock only.
 */
const lockAccounts = `
  create function ledger_lock_accounts(organizations text[]) returns void language plpgsql as $$
  begin
    perform from ledger_accounts a where a.organization_id = any (organizations)
    order by a.organization_id for update;
  end $$`;

/** Decides nothing: whoever calls it knows that these items fit. */
const letIn = `
  create function ledger_let_in(let_in authorize_item[], lease interval) returns void language plpgsql as $$
  begin
    update ledger_accounts a
    set available_nanos = a.available_nanos - s.nanos, held_nanos = a.held_nanos + s.nanos
    from (select w.organization_id, sum(w.hold_nanos)::bigint as nanos from unnest(let_in) w group by 1) s
    where a.organization_id = s.organization_id;
    insert into holds (request_id, organization_id, project_id, key_id, endpoint, model, held_nanos,
      price_snapshot_id, budget_ids, budget_windows, expires_at)
    select w.request_id, w.organization_id, w.project_id, w.key_id, w.endpoint, w.model, w.hold_nanos,
      w.price_snapshot_id, coalesce(w.budget_ids, '{}'), coalesce(w.budget_windows, '{}'), now() + lease
    from unnest(let_in) w;
    insert into ledger_transactions (kind, ref, organization_id, request_id, available_nanos, held_nanos)
    select 'hold', w.request_id, w.organization_id, w.request_id, -w.hold_nanos, w.hold_nanos from unnest(let_in) w;
    -- Most requests have neither: to begin a statement costs more than to find that out.
    if exists (select from unnest(let_in) w where w.budget_ids is not null) then
      update budget_windows v set held_nanos = v.held_nanos + s.nanos
      from (
        select r.budget_id, r.starts_at, sum(w.hold_nanos)::bigint as nanos
        from unnest(let_in) w, unnest(w.budget_ids, w.budget_windows) as r (budget_id, starts_at) group by 1, 2
      ) s
      where v.budget_id = s.budget_id and v.starts_at = s.starts_at;
    end if;
    if exists (select from unnest(let_in) w where w.idempotency_key is not null) then
      -- A row that is there is void by age, or its request ended without a charge: the key is free again. Should that
      -- charge come all the same (its worker had been frozen), the key would be charged twice.
      update holds h set superseded = true
      from unnest(let_in) w join idempotency_keys i on i.organization_id = w.organization_id
        and i.endpoint = w.endpoint and i.key = w.idempotency_key and i.request_id <> w.request_id
      where h.request_id = i.request_id and h.state in ('voided', 'expired');
      insert into idempotency_keys as i (organization_id, endpoint, key, fingerprint, request_id)
      select w.organization_id, w.endpoint, w.idempotency_key, w.fingerprint, w.request_id
      from unnest(let_in) w where w.idempotency_key is not null
      on conflict (organization_id, endpoint, key) do update
      set fingerprint = excluded.fingerprint, request_id = excluded.request_id, state = 'running',
        status = null, headers = null, body = null, created_at = now();
    end if;
  end $$`;

/** Null: the key is free, or claimed by this very request. */
const claimProblem = `
  create function ledger_claim_problem(item authorize_item) returns text language plpgsql as $$
  declare
    claim idempotency_keys;
    hold holds;
  begin
    -- Locked, since an answer may be stored at any moment.
    select * into claim from idempotency_keys i
    where i.organization_id = item.organization_id and i.endpoint = item.endpoint and i.key = item.idempotency_key
    for update;
    if not found or claim.created_at <= now() - interval '24 hours' or claim.request_id = item.request_id then
      return null;
    end if;
    if claim.fingerprint <> item.fingerprint then return 'idempotency_key_reused'; end if;
    if claim.state = 'stored' then return 'replay'; end if;
    if claim.state = 'too_large' then return 'idempotency_result_not_stored'; end if;
    select * into hold from holds h where h.request_id = claim.request_id;
    if hold.state = 'authorized' then return 'idempotency_in_progress'; end if;
    if hold.state = 'captured' then
      -- The charge may arrive a moment before the answer.
      return case when hold.settled_at > now() - interval '10 seconds'
        then 'idempotency_in_progress' else 'idempotency_result_not_stored' end;
    end if;
    return null;
  end $$`;

/** One item by itself: the whole rule. */
const authorizeOne = `
  create function ledger_authorize_one(item authorize_item, lease interval, out outcome text, out scope text)
  language plpgsql as $$
  declare
    hold holds;
  begin
    select * into hold from holds h where h.request_id = item.request_id;
    if found then
      outcome := case when hold.state = 'authorized' and hold.organization_id = item.organization_id
        then 'authorized' else 'settled' end;
      return;
    end if;
    if item.idempotency_key is not null then
      outcome := ledger_claim_problem(item);
      if outcome is not null then return; end if;
    end if;
    if not exists (
      select from ledger_accounts a where a.organization_id = item.organization_id
        and (item.hold_nanos = 0 or item.hold_nanos <= ledger_room(a.available_nanos, a.overdraft_nanos))
    ) then
      outcome := 'insufficient_quota';
      return;
    end if;
    -- What costs nothing exceeds no budget, not even one that a late charge has exceeded before.
    select b.scope into scope
    from unnest(item.budget_ids, item.budget_windows) as r (budget_id, starts_at)
    join budgets b on b.id = r.budget_id
    join budget_windows v on v.budget_id = r.budget_id and v.starts_at = r.starts_at
    where item.hold_nanos > 0 and v.held_nanos::numeric + v.spent_nanos + item.hold_nanos > b.amount_nanos
    order by array_position(array['key', 'project', 'organization'], b.scope) limit 1;
    if found then
      outcome := 'budget_exceeded';
      return;
    end if;
    perform ledger_let_in(array[item], lease);
    outcome := 'authorized';
  end $$`;

/** The items with the budgets that each of them counts against; makes the windows that are missing. */
const withBudgets = `
  create function ledger_with_budgets(items authorize_item[]) returns authorize_item[]
  language plpgsql as $$
  declare
    counted authorize_item[];
  begin
    select array_agg((w.index, w.request_id, w.organization_id, w.project_id, w.key_id, w.endpoint, w.model,
      w.hold_nanos, w.price_snapshot_id, w.idempotency_key, w.fingerprint, r.ids, r.starts)::authorize_item
      order by w.index)
    into counted
    from unnest(items) w
    cross join lateral (
      select array_agg(b.id order by b.id) as ids, array_agg(budget_window_start(b.period) order by b.id) as starts
      from budgets b
      -- A key that was rotated, while it still works, spends from the budgets of the key that replaced it.
      where b.deleted_at is null and b.scope_id = any (array[w.key_id, w.project_id, w.organization_id]
          || (select k.rotated_to from api_keys k where k.id = w.key_id))
        and b.organization_id = w.organization_id
    ) r;
    insert into budget_windows (budget_id, starts_at)
    select distinct r.budget_id, r.starts_at
    from unnest(counted) w, unnest(w.budget_ids, w.budget_windows) as r (budget_id, starts_at)
    order by 1, 2 on conflict do nothing;
    return counted;
  end $$`;

/** Organizations whose items must be looked at one by one; of all others everything is known to fit. */
const oddOnes = `
  create function ledger_odd_organizations(items authorize_item[]) returns text[] language plpgsql as $$
  declare
    odd text[];
  begin
    odd := array(
      select s.organization_id
      from (select w.organization_id, sum(w.hold_nanos) as nanos from unnest(items) w group by 1) s
      left join ledger_accounts a on a.organization_id = s.organization_id
      where a.organization_id is null or s.nanos > ledger_room(a.available_nanos, a.overdraft_nanos)
      union
      select w.organization_id from unnest(items) w join holds h on h.request_id = w.request_id
      union
      select unnest(array_agg(w.organization_id)) from unnest(items) w group by w.request_id having count(*) > 1);
    if exists (select from unnest(items) w where w.idempotency_key is not null) then
      odd := odd || array(
        select w.organization_id from unnest(items) w
        join idempotency_keys i on i.organization_id = w.organization_id and i.endpoint = w.endpoint
          and i.key = w.idempotency_key
        union
        select w.organization_id from unnest(items) w where w.idempotency_key is not null
        group by w.organization_id, w.endpoint, w.idempotency_key having count(*) > 1);
    end if;
    if exists (select from unnest(items) w where w.budget_ids is not null) then
      odd := odd || array(
        select b.organization_id
        from (
          select r.budget_id, r.starts_at, sum(w.hold_nanos) as nanos
          from unnest(items) w, unnest(w.budget_ids, w.budget_windows) as r (budget_id, starts_at) group by 1, 2
        ) s
        join budgets b on b.id = s.budget_id
        join budget_windows v on v.budget_id = s.budget_id and v.starts_at = s.starts_at
        where v.held_nanos + v.spent_nanos + s.nanos > b.amount_nanos);
    end if;
    return odd;
  end $$`;

/**
 * One result per item. First come, first served within an organization: an item that does not fit holds up no smaller
 * one behind it. items: as authorize_item. snapshots: {id: {model, prices}}.
 */
const authorize = `
  create function ledger_authorize(items json, snapshots json, lease interval)
  returns table (index integer, outcome text, scope text) language plpgsql ${planned} as $$
  #variable_conflict use_column
  declare
    wanted authorize_item[];
    organizations text[];
    odd text[];
    let_in authorize_item[];
    one authorize_item;
  begin
    select array_agg(t order by t.index), array_agg(distinct t.organization_id) into wanted, organizations
    from json_populate_recordset(null::authorize_item, items) t;
    perform ledger_lock_accounts(organizations);
    -- In order, and after the accounts: two batches may bring the same snapshots.
    insert into price_snapshots (id, model, prices)
    select s.key, s.value ->> 'model', (s.value -> 'prices')::jsonb from json_each(snapshots) s
    where not exists (select from price_snapshots p where p.id = s.key)
    order by s.key on conflict do nothing;
    if exists (select from budgets b where b.organization_id = any (organizations) and b.deleted_at is null) then
      wanted := ledger_with_budgets(wanted);
    end if;
    odd := ledger_odd_organizations(wanted);
    select array_agg(w order by w.index) into let_in from unnest(wanted) w where w.organization_id <> all (odd);
    if let_in is not null then
      perform ledger_let_in(let_in, lease);
      return query select w.index, 'authorized', null::text from unnest(let_in) w;
    end if;
    if odd = '{}' then return; end if;
    foreach one in array wanted loop
      continue when one.organization_id <> all (odd);
      select one.index, o.outcome, o.scope into index, outcome, scope from ledger_authorize_one(one, lease) o;
      return next;
    end loop;
  end $$`;

/** Requests are let in: money, budgets and Idempotency-Keys, in one round trip. */
export class HoldFunctions1767312120000 implements MigrationInterface {
  readonly name = 'HoldFunctions1767312120000';

  async up(runner: QueryRunner): Promise<void> {
    for (const sql of [types, windowStart, room, lockAccounts, letIn, claimProblem]) await runner.query(sql);
    for (const sql of [authorizeOne, withBudgets, oddOnes, authorize]) await runner.query(sql);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop function ledger_authorize, ledger_odd_organizations, ledger_with_budgets, ledger_authorize_one,
        ledger_claim_problem, ledger_let_in, ledger_lock_accounts, ledger_room, budget_window_start`);
    await runner.query(`drop type authorize_item`);
  }
}
