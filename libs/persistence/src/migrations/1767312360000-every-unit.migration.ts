import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Nano-dollars of the units that have no column of their own, as the catalog's `chargeOf` computes them. null: a unit is
 * counted that has no price.
 */
const chargeOfFurther = `
  create function charge_of_further_usage(usage jsonb, price jsonb) returns numeric language sql immutable strict as $$
    select case when count(*) = count(nanos) then coalesce(sum(div(quantity * nanos + 999999, 1000000)), 0) end
    from (
      select value::numeric as quantity, coalesce(
        price ->> key,
        case when key like 'images:%' then price ->> 'images' when key = 'input_image' then price ->> 'input' end
      )::numeric as nanos
      from jsonb_each_text(usage) where value <> '0'
    ) counted
  $$`;

/** The usual call has text tokens only, and must not pay for what it has not. */
const chargeOfUsage = `
  create function charge_of_usage(input bigint, input_cached bigint, output bigint, reasoning bigint, further jsonb,
    price jsonb)
  returns numeric language sql immutable as $$
    select charge_of_usage(input, input_cached, output, reasoning, price)
      + case when further is null then 0 else charge_of_further_usage(further, price) end
  $$`;

interface Version {
  /** Columns of usage_records beside those that are always written. */
  readonly columns: readonly string[];
  /** Arguments of charge_of_usage between the tokens and the price. */
  readonly furtherUnits: string;
}

/** Where `planSettlements` takes a version's further units. */
const furtherPlace = ':further ';
const before: Version = { columns: [], furtherUnits: '' };
const after: Version = { columns: ['further_usage', 'measured_usage'], furtherUnits: 'f.further_usage, ' };

/** As in the migration `settlement-functions`, with the further units in the charge. */
const planSettlements = `
  create or replace function ledger_plan_settlements(batch usage_records[], out plan ledger_settlement[], out short boolean)
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
          f.reasoning_tokens, :further s.prices -> (f.provider || '/' || f.upstream_model)) end as charge
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

/** As in the migration `settlement-functions`, with the further columns. */
const writeSettlements = ({ columns }: Version): string => `
  create or replace function ledger_write_settlements(batch usage_records[], plan ledger_settlement[]) returns void
  language plpgsql as $$
  declare
    written bigint;
  begin
    insert into usage_records (attempt_id, request_id, organization_id, project_id, key_id, witness, endpoint, model,
      provider, upstream_model, upstream_request_id, upstream_status, outcome, content_delivered, usage_source,
      input_tokens, input_cached_tokens, output_tokens, reasoning_tokens, price, charge_nanos, written_off_nanos, late,
      started_at, first_byte_at, finished_at, trace_id${columns.map((column) => `, ${column}`).join('')})
    select r.attempt_id, r.request_id, r.organization_id, r.project_id, r.key_id, r.witness, r.endpoint, r.model,
      r.provider, r.upstream_model, r.upstream_request_id, r.upstream_status, r.outcome, r.content_delivered,
      r.usage_source, r.input_tokens, r.input_cached_tokens, r.output_tokens, r.reasoning_tokens, p.price,
      p.paid_nanos, p.charge_nanos - p.paid_nanos, p.late, r.started_at, r.first_byte_at,
      r.finished_at, r.trace_id${columns.map((column) => `, r.${column}`).join('')}
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
 * Units beside the four of text: audio and image tokens, images by variant, pixels, seconds, characters, searches. As
 * JSON by unit, for there is no end of image variants; null where there are none, so that a chat's row is as small as
 * it was, and settles as fast.
 */
export class EveryUnit1767312360000 implements MigrationInterface {
  readonly name = 'EveryUnit1767312360000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table usage_records
        -- What is charged by its price, as input_tokens and the others are.
        add column further_usage jsonb check (jsonb_typeof(further_usage) = 'object'),
        -- Counted for the reports, and not charged.
        add column measured_usage jsonb check (jsonb_typeof(measured_usage) = 'object')`);
    await runner.query(chargeOfFurther);
    await runner.query(chargeOfUsage);
    await runner.query(planSettlements.replace(furtherPlace, after.furtherUnits));
    await runner.query(writeSettlements(after));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(writeSettlements(before));
    await runner.query(planSettlements.replace(furtherPlace, before.furtherUnits));
    await runner.query(`
      drop function charge_of_usage(bigint, bigint, bigint, bigint, jsonb, jsonb), charge_of_further_usage(jsonb, jsonb)`);
    await runner.query(`alter table usage_records drop column further_usage, drop column measured_usage`);
  }
}
