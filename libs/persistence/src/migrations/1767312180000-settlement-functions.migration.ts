import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Nano-dollars of a usage, as the catalog's `chargeOf` computes them: ceil(quantity × price / 1e6) per unit. null: a
 * unit is counted that has no price. `div`, since a division of numerics rounds once it has digits enough.
 */
const chargeOfUsage = `
  create function charge_of_usage(input bigint, input_cached bigint, output bigint, reasoning bigint, price jsonb)
  returns numeric language sql immutable as $$
    select case when input = 0 then 0 else div(input * (price ->> 'input')::numeric + 999999, 1000000) end
      + case when input_cached = 0 then 0 else
          div(input_cached * coalesce(price ->> 'input_cached', price ->> 'input')::numeric + 999999, 1000000) end
      + case when output = 0 then 0 else div(output * (price ->> 'output')::numeric + 999999, 1000000) end
      + case when reasoning = 0 then 0 else
          div(reasoning * coalesce(price ->> 'reasoning', price ->> 'output')::numeric + 999999, 1000000) end
  $$`;

/** What is to be done for one new usage record. */
const settlementType = `
  create type ledger_settlement as (
    position bigint,
    attempt_id text,
    request_id text,
    organization_id text,
    price jsonb,
    charge_nanos bigint,  -- C; 0 when this attempt is not the one that pays
    paid_nanos bigint,    -- C'
    open_nanos bigint,    -- H: set aside until now
    held boolean,         -- there is a hold, in whatever state
    late boolean,         -- it was voided or had expired
    budget_ids text[],    -- of the hold
    budget_windows timestamptz[],
    unknown_organization boolean
  )`;

/**
 * Plans a batch whose accounts are locked: which records are new, which of them pay, and how much while
 * everybody can pay in full. A unit that the snapshot does not price is paid at the price of the event.
 */
const planSettlements = `
  create function ledger_plan_settlements(batch usage_records[], out plan ledger_settlement[], out short boolean)
  language plpgsql as $$
  declare
    requests text[];
    stored text[];
    captured text[];
    mixed text;
  begin
    requests := array(select distinct r.request_id from unnest(batch) r);
    stored := array(select u.attempt_id from usage_records u
      where u.attempt_id = any(array(select r.attempt_id from unnest(batch) r)));
    captured := array(select t.ref from ledger_transactions t where t.kind = 'capture' and t.ref = any(requests));
    with accounts as materialized (
      select * from ledger_accounts
      where organization_id = any(array(select distinct r.organization_id from unnest(batch) r))
    ), held as materialized (
      select * from holds where request_id = any(requests)
    ), snapshots as materialized (
      select * from price_snapshots where id = any(array(select price_snapshot_id from held))
    ), fresh as (
      select r.*, row_number() over (partition by r.attempt_id order by r.ordinality) as copy
      from unnest(batch) with ordinality r where not r.attempt_id = any(stored)
    ), priced as (
      select f.ordinality as position, f.attempt_id, f.request_id, f.organization_id, f.price as event_price,
        f.charge_nanos as event_charge, h.request_id is not null as is_held, h.superseded, h.state, h.held_nanos,
        h.budget_ids, h.budget_windows, h.organization_id as holder,
        s.prices -> (f.provider || '/' || f.upstream_model) as price,
        case when s.id is not null then charge_of_usage(f.input_tokens, f.input_cached_tokens, f.output_tokens,
          f.reasoning_tokens, s.prices -> (f.provider || '/' || f.upstream_model)) end as charge
      from fresh f left join held h using (request_id) left join snapshots s on s.id = h.price_snapshot_id
      where f.copy = 1
    ), charged as (
      select p.position, p.attempt_id, p.request_id, p.organization_id, p.is_held, p.superseded, p.state, p.held_nanos, p.holder,
        p.budget_ids, p.budget_windows,
        case when charge is null then event_price else price end as price,
        coalesce(charge::bigint, event_charge) as nanos
      from priced p
    ), paying as (
      select c.*, a.organization_id is null as is_unknown, a.available_nanos + a.overdraft_nanos as room,
        a.organization_id is not null and nanos > 0 and not c.request_id = any(captured)
          and c.superseded is not true
          and row_number() over (partition by c.request_id, nanos > 0 order by c.position) = 1 as pays
      from charged c left join accounts a using (organization_id)
    ), due as (
      select p.*, case when pays then nanos else 0 end as due,
        case when pays and state = 'authorized' then held_nanos else 0 end as open
      from paying p
    ), running as (
      select d.*, room + sum(open - due) over (partition by organization_id order by position) < 0 as is_short
      from due d
    )
    select coalesce(array_agg(row(position, attempt_id, request_id, organization_id, price, due, due, open, is_held,
        coalesce(pays and state in ('voided', 'expired'), false), budget_ids, budget_windows, is_unknown
      )::ledger_settlement order by position), '{}'),
      coalesce(bool_or(is_short), false), min(request_id) filter (where holder <> organization_id)
    into plan, short, mixed from running;
    if mixed is not null then
      raise exception 'the hold of request % belongs to another organization', mixed using errcode = '23514';
    end if;
  end $$`;

/** First come, first served: whoever finds less than the charge pays what there is, and the rest is written off. */
const payInOrder = `
  create function ledger_pay_in_order(plan ledger_settlement[]) returns ledger_settlement[] language plpgsql as $$
  declare
    item ledger_settlement;
    account ledger_accounts;
    paid ledger_settlement[] := '{}';
  begin
    foreach item in array array(select p from unnest(plan) p order by p.organization_id, p.position) loop
      if account.organization_id is distinct from item.organization_id then
        select * into account from ledger_accounts where organization_id = item.organization_id;
      end if;
      if account.overdraft_nanos is not null then
        item.paid_nanos := greatest(0, least(item.charge_nanos,
          item.open_nanos + account.available_nanos + account.overdraft_nanos));
      end if;
      account.available_nanos := account.available_nanos + item.open_nanos - item.paid_nanos;
      paid := paid || item;
    end loop;
    return paid;
  end $$`;

/** The windows in which the requests were held, whenever that was. The accounts' locks cover them. */
const spendBudgets = `
  create function ledger_spend_budgets(plan ledger_settlement[]) returns void
  language plpgsql set enable_hashjoin = off set enable_mergejoin = off as $$
  begin
    update budget_windows w set held_nanos = w.held_nanos - s.open, spent_nanos = w.spent_nanos + s.paid
    from (
      select b.id, b.starts_at, sum(p.open_nanos) as open, sum(p.paid_nanos) as paid
      from unnest(plan) p cross join lateral unnest(p.budget_ids, p.budget_windows) b (id, starts_at)
      where p.charge_nanos > 0 group by b.id, b.starts_at
    ) s
    where w.budget_id = s.id and w.starts_at = s.starts_at;
  end $$`;

const writeSettlements = `
  create function ledger_write_settlements(batch usage_records[], plan ledger_settlement[]) returns void
  language plpgsql as $$
  declare
    written bigint;
  begin
    insert into usage_records (attempt_id, request_id, organization_id, project_id, key_id, witness, endpoint, model,
      provider, upstream_model, upstream_request_id, upstream_status, outcome, content_delivered, usage_source,
      input_tokens, input_cached_tokens, output_tokens, reasoning_tokens, price, charge_nanos, written_off_nanos, late,
      started_at, first_byte_at, finished_at, trace_id)
    select r.attempt_id, r.request_id, r.organization_id, r.project_id, r.key_id, r.witness, r.endpoint, r.model,
      r.provider, r.upstream_model, r.upstream_request_id, r.upstream_status, r.outcome, r.content_delivered,
      r.usage_source, r.input_tokens, r.input_cached_tokens, r.output_tokens, r.reasoning_tokens, p.price,
      p.paid_nanos, p.charge_nanos - p.paid_nanos, p.late, r.started_at, r.first_byte_at,
      r.finished_at, r.trace_id
    from unnest(batch) with ordinality r join unnest(plan) p on p.position = r.ordinality
    on conflict do nothing;
    get diagnostics written = row_count;
    -- Accounts serialise the events of an organization; the same attempt under two of them is nobody's to charge yet.
    if written <> cardinality(plan) then
      raise exception 'usage was recorded by another transaction meanwhile: try again' using errcode = '40001';
    end if;
    insert into ledger_transactions (kind, ref, organization_id, request_id, attempt_id, late, held_nanos,
      available_nanos, revenue_nanos, writeoff_nanos)
    select 'capture', p.request_id, p.organization_id, p.request_id, p.attempt_id, p.late,
      -p.open_nanos, p.open_nanos - p.paid_nanos, p.charge_nanos, p.paid_nanos - p.charge_nanos
    from unnest(plan) p where p.charge_nanos > 0 order by p.position;
    if exists (select from unnest(plan) p where p.held and p.charge_nanos > 0) then
      perform ledger_spend_budgets(plan);
      update holds set state = 'captured', settled_at = now()
      where request_id = any(array(select p.request_id from unnest(plan) p where p.held and p.charge_nanos > 0));
    end if;
    update ledger_accounts a
    set available_nanos = a.available_nanos + s.available, held_nanos = a.held_nanos - s.open
    from (
      select p.organization_id, sum(p.open_nanos - p.paid_nanos) as available, sum(p.open_nanos) as open
      from unnest(plan) p where p.charge_nanos > 0 group by p.organization_id
    ) s
    where a.organization_id = s.organization_id
      and a.organization_id = any(array(select distinct p.organization_id from unnest(plan) p));
  end $$`;

/**
 * Usage becomes charges: one call, one transaction, all or nothing. Takes rows of usage_records whose charge_nanos is
 * what the event's price makes; answers for each what became of it. Any number of repetitions changes nothing.
 * Accounts are locked first, in order; holds and budget windows change under their locks only. Without sequential scans: a plan
 * that was made while the tables were empty would be kept while they grow.
 */
const settle = `
  create function ledger_settle(records json)
  returns table (attempt_id text, inserted boolean, charge_nanos bigint, written_off_nanos bigint, late boolean,
    unknown_organization boolean)
  language plpgsql set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
  #variable_conflict use_column
  declare
    batch usage_records[];
    plan ledger_settlement[];
    short boolean;
  begin
    batch := array(select r from json_populate_recordset(null::usage_records, records) r);
    perform from ledger_accounts
    where organization_id = any(array(select distinct r.organization_id from unnest(batch) r))
    order by organization_id for update;
    select p.plan, p.short into plan, short from ledger_plan_settlements(batch) p;
    if short then
      plan := ledger_pay_in_order(plan);
    end if;
    if cardinality(plan) > 0 then
      perform ledger_write_settlements(batch, plan);
    end if;
    return query
      select r.attempt_id, p.position is not null, coalesce(p.paid_nanos, 0),
        coalesce(p.charge_nanos - p.paid_nanos, 0), coalesce(p.late, false), coalesce(p.unknown_organization, false)
      from unnest(batch) with ordinality r left join unnest(plan) p on p.position = r.ordinality
      order by r.ordinality;
  end $$`;

/** Usage becomes charges. */
export class SettlementFunctions1767312180000 implements MigrationInterface {
  readonly name = 'SettlementFunctions1767312180000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [chargeOfUsage, settlementType, planSettlements, payInOrder, spendBudgets]) {
      await runner.query(statement);
    }
    await runner.query(writeSettlements);
    await runner.query(settle);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop function ledger_settle, ledger_write_settlements, ledger_spend_budgets, ledger_pay_in_order,
        ledger_plan_settlements, charge_of_usage`);
    await runner.query(`drop type ledger_settlement`);
  }
}
