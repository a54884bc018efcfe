import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tables that only billing writes, whatever happens: rows are added, never changed or removed. */
const appendOnly = ['ledger_transactions', 'usage_records', 'price_snapshots', 'attempt_intents'];

/** Accounts, transactions, holds, budgets, Idempotency-Keys. */
export class Ledger1767312000000 implements MigrationInterface {
  readonly name = 'Ledger1767312000000';

  async up(runner: QueryRunner): Promise<void> {
    await this.createAccounts(runner);
    await this.createTransactions(runner);
    await this.createHolds(runner);
    await this.createBudgets(runner);
    await this.createIdempotencyKeys(runner);
    await this.extendUsage(runner);
    await runner.query(`
      create function refuse_change() returns trigger language plpgsql as $$
      begin
        raise exception '% is append-only: write a reversing row instead', tg_table_name using errcode = 'MD001';
      end $$`);
    for (const table of appendOnly) {
      await runner.query(`
        create trigger ${table}_append_only before update or delete or truncate on ${table}
        for each statement execute function refuse_change()`);
    }
  }

  /** The projection of an organization's two accounts. overdraft_nanos null: postpaid, there is no floor. */
  private async createAccounts(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table ledger_accounts (
        organization_id text primary key references organizations,
        available_nanos bigint not null default 0,
        held_nanos bigint not null default 0 check (held_nanos >= 0),
        overdraft_nanos bigint check (overdraft_nanos >= 0),
        constraint ledger_accounts_floor check (overdraft_nanos is null or available_nanos >= -overdraft_nanos)
      ) with (fillfactor = 50)`);
    await runner.query(`
      create function open_ledger_account() returns trigger language plpgsql as $$
      begin
        insert into ledger_accounts (organization_id, overdraft_nanos)
        values (new.id, case when new.billing_mode = 'prepaid' then 0 end);
        return new;
      end $$`);
    await runner.query(`
      create trigger organizations_open_account after insert on organizations
      for each row execute function open_ledger_account()`);
    await runner.query(`
      insert into ledger_accounts (organization_id, overdraft_nanos)
      select id, case when billing_mode = 'prepaid' then 0 end from organizations`);
  }

  /** One row per transaction; its entries are its columns, so that no row can fail to sum to zero. */
  private async createTransactions(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table ledger_transactions (
        id bigint generated always as identity primary key,
        kind text not null check (kind in ('top_up', 'hold', 'extend', 'capture', 'void', 'expire', 'refund', 'adjustment')),
        -- What it is about: a request, '<request>#ext#<n>', '<organization>:<reference>'. The same thing happens once.
        ref text not null,
        organization_id text not null,
        request_id text,
        -- Of a capture: the attempt that is paid for.
        attempt_id text,
        -- Of a capture: the hold had been voided or had expired before.
        late boolean not null default false,
        available_nanos bigint not null default 0,
        held_nanos bigint not null default 0,
        cash_nanos bigint not null default 0,
        revenue_nanos bigint not null default 0,
        writeoff_nanos bigint not null default 0,
        reverses_id bigint references ledger_transactions,
        created_at timestamptz not null default now(),
        unique (kind, ref),
        constraint ledger_transactions_zero
          check (available_nanos + held_nanos + cash_nanos + revenue_nanos + writeoff_nanos = 0)
      )`);
    await runner.query(`create index ledger_transactions_organization on ledger_transactions (organization_id, id)`);
    await runner.query(
      `create index ledger_transactions_credits on ledger_transactions (organization_id, created_at, id)
       where kind in ('top_up', 'refund', 'adjustment')`,
    );
    await runner.query(
      `create index ledger_transactions_refunded on ledger_transactions (request_id) where kind = 'refund'`,
    );
    // What auditors know: one line per account.
    await runner.query(`
      create view ledger_entries as
      select t.id as transaction_id, t.kind, t.ref, t.organization_id, t.created_at, line.account, line.amount_nanos
      from ledger_transactions t
      cross join lateral (values
        ('available:' || t.organization_id, t.available_nanos), ('held:' || t.organization_id, t.held_nanos),
        ('cash', t.cash_nanos), ('revenue', t.revenue_nanos), ('writeoff', t.writeoff_nanos)
      ) as line (account, amount_nanos)
      where line.amount_nanos <> 0`);
    await runner.query(`
      create table price_snapshots (
        id text primary key,
        model text not null,
        prices jsonb not null,
        created_at timestamptz not null default now()
      )`);
  }

  /** A request that was let in: its hold, and the intent of its first attempt. Further attempts: attempt_intents. */
  private async createHolds(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table holds (
        request_id text primary key,
        organization_id text not null,
        project_id text not null,
        key_id text not null,
        endpoint text not null,
        model text not null,
        state text not null default 'authorized' check (state in ('authorized', 'captured', 'voided', 'expired')),
        -- Set aside, extensions included.
        held_nanos bigint not null check (held_nanos >= 0),
        price_snapshot_id text not null,
        -- Reserved in these windows too, element by element.
        budget_ids text[] not null default '{}',
        budget_windows timestamptz[] not null default '{}',
        authorized_at timestamptz not null default now(),
        expires_at timestamptz not null,
        settled_at timestamptz,
        -- It ended without a charge, and its Idempotency-Key was given to another request: it is never charged again.
        superseded boolean not null default false
      ) with (fillfactor = 70)`);
    await runner.query(`create index holds_open on holds (expires_at) where state = 'authorized'`);
    await runner.query(`create index holds_expired on holds (organization_id, settled_at) where state = 'expired'`);
    await runner.query(`
      create table attempt_intents (
        attempt_id text primary key,
        request_id text not null,
        organization_id text not null,
        provider text not null,
        upstream_model text not null,
        created_at timestamptz not null default now()
      )`);
  }

  private async createBudgets(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table budgets (
        id text primary key,
        organization_id text not null references organizations,
        scope text not null check (scope in ('organization', 'project', 'key')),
        -- Id of that organization, project or key.
        scope_id text not null,
        period text not null check (period in ('day', 'month', 'total')),
        amount_nanos bigint not null check (amount_nanos >= 0),
        created_at timestamptz not null default now(),
        deleted_at timestamptz
      )`);
    await runner.query(
      `create unique index budgets_one_per_period on budgets (scope_id, period) where deleted_at is null`,
    );
    await runner.query(`create index budgets_organization on budgets (organization_id)`);
    await runner.query(`
      create table budget_windows (
        budget_id text not null references budgets,
        -- UTC midnight, first of the month, or the epoch for 'total'.
        starts_at timestamptz not null,
        held_nanos bigint not null default 0 check (held_nanos >= 0),
        spent_nanos bigint not null default 0 check (spent_nanos >= 0),
        primary key (budget_id, starts_at)
      ) with (fillfactor = 50)`);
  }

  private async createIdempotencyKeys(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table idempotency_keys (
        organization_id text not null,
        endpoint text not null,
        key text not null,
        fingerprint text not null,
        -- The request that runs, or ran, under this key.
        request_id text not null,
        state text not null default 'running' check (state in ('running', 'stored', 'too_large')),
        status integer,
        headers jsonb,
        body bytea,
        -- Of the body, so that adding them up reads no body.
        size integer not null generated always as (coalesce(octet_length(body), 0)) stored,
        created_at timestamptz not null default now(),
        primary key (organization_id, endpoint, key)
      )`);
    await runner.query(`create index idempotency_keys_age on idempotency_keys (created_at)`);
    await runner.query(
      `create index idempotency_keys_stored on idempotency_keys (organization_id) include (size) where state = 'stored'`,
    );
  }

  private async extendUsage(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table usage_records
        -- Beyond hold, balance and overdraft: the operator's loss. Not part of charge_nanos.
        add column written_off_nanos bigint not null default 0 check (written_off_nanos >= 0),
        add column late boolean not null default false,
        -- Roll-ups take what was committed before the oldest transaction under way, and nothing twice.
        add column recorded_xid xid8 not null default pg_current_xact_id()`);
    await runner.query(`create index usage_records_recorded on usage_records (recorded_xid)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop view ledger_entries`);
    await runner.query(`
      drop table idempotency_keys, budget_windows, budgets, attempt_intents, holds, price_snapshots,
        ledger_transactions, ledger_accounts cascade`);
    await runner.query(`drop trigger usage_records_append_only on usage_records`);
    await runner.query(`drop trigger organizations_open_account on organizations`);
    await runner.query(`drop function refuse_change, open_ledger_account`);
    await runner.query(
      `alter table usage_records drop column written_off_nanos, drop column late, drop column recorded_xid`,
    );
  }
}
