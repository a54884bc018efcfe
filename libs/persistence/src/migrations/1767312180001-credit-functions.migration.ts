import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Books money for an organization under a reference, once. limit_nanos: of 'differs' what was booked under that
 * reference, of 'exceeds_charge' what can still be given back.
 */
const topUp = `
  create function ledger_top_up(organization text, amount bigint, reference text)
  returns table (outcome text, transaction_id bigint, available_nanos bigint, limit_nanos bigint)
  language plpgsql as $$
  #variable_conflict use_column
  declare
    account ledger_accounts;
    booked ledger_transactions;
  begin
    if amount is null or amount <= 0 then
      raise exception 'the amount of a top-up is more than zero' using errcode = '22023';
    end if;
    select * into account from ledger_accounts a where a.organization_id = organization for update;
    if not found then
      return query select 'unknown_organization', null::bigint, null::bigint, null::bigint;
      return;
    end if;
    select * into booked from ledger_transactions t
    where t.kind = 'top_up' and t.ref = organization || ':' || reference;
    if found then
      return query select case when booked.available_nanos = amount then 'repeated' else 'differs' end, booked.id,
        account.available_nanos, booked.available_nanos;
      return;
    end if;
    insert into ledger_transactions as t (kind, ref, organization_id, cash_nanos, available_nanos)
    values ('top_up', organization || ':' || reference, organization, -amount, amount)
    returning t.* into booked;
    update ledger_accounts a set available_nanos = a.available_nanos + amount where a.organization_id = organization
    returning a.* into account;
    return query select 'done', booked.id, account.available_nanos, null::bigint;
  end $$`;

/** Reverses the charge of a request, or a part of it. What is given beyond charges, as for goodwill, is a top-up. */
const refund = `
  create function ledger_refund(organization text, amount bigint, reference text, request text)
  returns table (outcome text, transaction_id bigint, available_nanos bigint, limit_nanos bigint)
  language plpgsql as $$
  #variable_conflict use_column
  declare
    account ledger_accounts;
    booked ledger_transactions;
    capture ledger_transactions;
    refundable bigint;
  begin
    if amount is null or amount <= 0 then
      raise exception 'the amount of a refund is more than zero' using errcode = '22023';
    end if;
    if request is null then
      raise exception 'a refund names the request whose charge it reverses; goodwill is a top-up' using errcode = '22023';
    end if;
    select * into account from ledger_accounts a where a.organization_id = organization for update;
    if not found then
      return query select 'unknown_organization', null::bigint, null::bigint, null::bigint;
      return;
    end if;
    select * into booked from ledger_transactions t
    where t.kind = 'refund' and t.ref = organization || ':' || reference;
    if found then
      return query select case when booked.available_nanos = amount and booked.request_id = request
          then 'repeated' else 'differs' end, booked.id, account.available_nanos, booked.available_nanos;
      return;
    end if;
    select * into capture from ledger_transactions t
    where t.kind = 'capture' and t.ref = request and t.organization_id = organization;
    if not found then
      return query select 'not_charged', null::bigint, account.available_nanos, null::bigint;
      return;
    end if;
    -- What was written off had not been paid.
    select capture.revenue_nanos + capture.writeoff_nanos - coalesce(sum(t.available_nanos), 0) into refundable
    from ledger_transactions t
    where t.kind = 'refund' and t.organization_id = organization and t.request_id = request;
    if amount > refundable then
      return query select 'exceeds_charge', null::bigint, account.available_nanos, refundable;
      return;
    end if;
    insert into ledger_transactions as t
      (kind, ref, organization_id, request_id, reverses_id, available_nanos, revenue_nanos)
    values ('refund', organization || ':' || reference, organization, request, capture.id, amount, -amount)
    returning t.* into booked;
    update ledger_accounts a set available_nanos = a.available_nanos + amount where a.organization_id = organization
    returning a.* into account;
    return query select 'done', booked.id, account.available_nanos, null::bigint;
  end $$`;

/** Prepaid has a floor, which the balance must reach first; postpaid has none. */
const setTerms = `
  create function ledger_set_terms(organization text, mode text, overdraft bigint default null)
  returns table (outcome text, missing_nanos bigint)
  language plpgsql as $$
  declare
    account ledger_accounts;
    lowest bigint := case mode when 'prepaid' then coalesce(overdraft, 0) end;
  begin
    if mode is null or mode not in ('prepaid', 'postpaid') then
      raise exception 'the mode is prepaid or postpaid' using errcode = '22023';
    end if;
    select * into account from ledger_accounts a where a.organization_id = organization for update;
    if not found then
      return query select 'unknown_organization', null::bigint;
    elsif account.available_nanos < -lowest then
      return query select 'top_up_needed', -lowest - account.available_nanos;
    else
      update ledger_accounts a set overdraft_nanos = lowest where a.organization_id = organization;
      update organizations o set billing_mode = mode where o.id = organization and o.billing_mode <> mode;
      return query select 'done', null::bigint;
    end if;
  end $$`;

const balance = `
  create function ledger_balance(organization text)
  returns table (billing_mode text, available_nanos bigint, held_nanos bigint, overdraft_nanos bigint)
  language sql stable as $$
    select o.billing_mode, a.available_nanos, a.held_nanos, a.overdraft_nanos
    from ledger_accounts a join organizations o on o.id = a.organization_id where a.organization_id = organization
  $$`;

/** Money that people move: top-ups, refunds, terms. */
export class CreditFunctions1767312180001 implements MigrationInterface {
  readonly name = 'CreditFunctions1767312180001';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [topUp, refund, setTerms, balance]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop function ledger_balance, ledger_set_terms, ledger_refund, ledger_top_up`);
  }
}
