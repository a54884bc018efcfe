import type { MigrationInterface, QueryRunner } from 'typeorm';
import { advisoryLocks } from '../advisory-locks.js';
import { planned } from './1767312120000-hold-functions.migration.js';

const types = `
  create type hold_change_item as (
    index integer, kind text, request_id text, attempt_id text, provider text, upstream_model text, step integer,
    nanos bigint)`;

/** Gives everything back. The caller has locked the account, and has seen that the hold is open. */
const endHold = `
  create function ledger_end_hold(hold holds, new_state text, reason text) returns void language plpgsql as $$
  begin
    update ledger_accounts a
    set available_nanos = a.available_nanos + hold.held_nanos, held_nanos = a.held_nanos - hold.held_nanos
    where a.organization_id = hold.organization_id;
    update budget_windows v set held_nanos = v.held_nanos - hold.held_nanos
    from unnest(hold.budget_ids, hold.budget_windows) as r (budget_id, starts_at)
    where v.budget_id = r.budget_id and v.starts_at = r.starts_at;
    insert into ledger_transactions (kind, ref, organization_id, request_id, available_nanos, held_nanos)
    values (reason, hold.request_id, hold.organization_id, hold.request_id, hold.held_nanos, -hold.held_nanos);
    update holds h set state = new_state, settled_at = now() where h.request_id = hold.request_id;
  end $$`;

/** In the windows of the first reservation, whatever the date is now: that is where the charge will count. */
const extend = `
  create function ledger_extend(hold holds, item hold_change_item) returns boolean language plpgsql as $$
  begin
    if not exists (
      select from ledger_accounts a where a.organization_id = hold.organization_id
        and item.nanos <= ledger_room(a.available_nanos, a.overdraft_nanos)
    ) then
      return false;
    end if;
    if exists (
      select from unnest(hold.budget_ids, hold.budget_windows) as r (budget_id, starts_at)
      join budgets b on b.id = r.budget_id and b.deleted_at is null
      join budget_windows v on v.budget_id = r.budget_id and v.starts_at = r.starts_at
      where item.nanos > 0 and v.held_nanos::numeric + v.spent_nanos + item.nanos > b.amount_nanos
    ) then
      return false;
    end if;
    update ledger_accounts a
    set available_nanos = a.available_nanos - item.nanos, held_nanos = a.held_nanos + item.nanos
    where a.organization_id = hold.organization_id;
    update budget_windows v set held_nanos = v.held_nanos + item.nanos
    from unnest(hold.budget_ids, hold.budget_windows) as r (budget_id, starts_at)
    where v.budget_id = r.budget_id and v.starts_at = r.starts_at;
    insert into ledger_transactions (kind, ref, organization_id, request_id, available_nanos, held_nanos)
    values ('extend', hold.request_id || '#ext#' || item.step, hold.organization_id, hold.request_id,
      -item.nanos, item.nanos);
    update holds h set held_nanos = h.held_nanos + item.nanos where h.request_id = hold.request_id;
    return true;
  end $$`;

/** False: refused. The same change may come again after a lost answer, and is then granted again. */
const changeHold = `
  create function ledger_change_hold(item hold_change_item, lease interval) returns boolean
  language plpgsql as $$
  declare
    hold holds;
  begin
    select * into hold from holds h where h.request_id = item.request_id;
    if not found then return false; end if;
    if item.kind = 'release' then
      if hold.state = 'authorized' then perform ledger_end_hold(hold, 'voided', 'void'); end if;
      return true;
    end if;
    if item.kind = 'extend' and exists (
      select from ledger_transactions t
      where t.kind = 'extend' and t.ref = item.request_id || '#ext#' || item.step
    ) then
      return true;
    end if;
    -- Paid already: the worker died between storing its usage and its answer, which is made again for nothing.
    if hold.state <> 'authorized' and (item.kind, hold.state) <> ('intent', 'captured') then return false; end if;
    case item.kind
      when 'extend' then
        return ledger_extend(hold, item);
      when 'renew' then
        update holds h set expires_at = greatest(h.expires_at, now() + lease) where h.request_id = item.request_id;
      when 'intent' then
        insert into attempt_intents (attempt_id, request_id, organization_id, provider, upstream_model)
        values (item.attempt_id, item.request_id, hold.organization_id, item.provider, item.upstream_model)
        on conflict do nothing;
    end case;
    return true;
  end $$`;

/** One answer per item, in order. items: as hold_change_item. */
const changeHolds = `
  create function ledger_change_holds(items json, lease interval) returns table (index integer, granted boolean)
  language plpgsql ${planned} as $$
  #variable_conflict use_column
  declare
    wanted hold_change_item[];
    requests text[];
    one hold_change_item;
  begin
    select array_agg(t order by t.index), array_agg(t.request_id) into wanted, requests
    from json_populate_recordset(null::hold_change_item, items) t;
    perform ledger_lock_accounts(
      array(select distinct h.organization_id from holds h where h.request_id = any (requests)));
    foreach one in array wanted loop
      index := one.index;
      granted := ledger_change_hold(one, lease);
      return next;
    end loop;
  end $$`;

/**
 * Ends holds whose lease has run out; their request ids. Never soon after a start of Postgres: while it was away
 * nobody could renew. Several processes may call it; one of them works.
 */
const expire = `
  create function ledger_expire(lease interval, max_rows integer) returns setof text language plpgsql ${planned} as $$
  declare
    requests text[];
    organizations text[];
    hold holds;
  begin
    if now() - pg_postmaster_start_time() <= lease * 1.5 or not pg_try_advisory_xact_lock(${advisoryLocks.holdExpiry}) then return; end if;
    select array_agg(c.request_id), array_agg(distinct c.organization_id) into requests, organizations
    from (
      select h.request_id, h.organization_id from holds h
      where h.state = 'authorized' and h.expires_at < now() order by h.expires_at limit max_rows
    ) c;
    if requests is null then return; end if;
    perform ledger_lock_accounts(organizations);
    -- Looked at again under the lock: a renewal or a charge may have come first.
    for hold in
      select h.* from holds h
      where h.request_id = any (requests) and h.state = 'authorized' and h.expires_at < now()
      order by h.request_id
    loop
      perform ledger_end_hold(hold, 'expired', 'expire');
      return next hold.request_id;
    end loop;
  end $$`;

/** Holds change while their requests run, and end. */
export class HoldFunctionsChanges1767312130000 implements MigrationInterface {
  readonly name = 'HoldFunctionsChanges1767312130000';

  async up(runner: QueryRunner): Promise<void> {
    for (const sql of [types, endHold, extend, changeHold, changeHolds, expire]) await runner.query(sql);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop function ledger_expire, ledger_change_holds, ledger_change_hold, ledger_extend, ledger_end_hold`);
    await runner.query(`drop type hold_change_item`);
  }
}
