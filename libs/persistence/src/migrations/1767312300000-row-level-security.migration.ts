import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tables whose rows belong to an organization, and the column that says to which. */
const owned: Readonly<Record<string, string>> = {
  organizations: 'id',
  projects: 'organization_id',
  api_keys: 'organization_id',
  service_accounts: 'organization_id',
  rate_limits: 'organization_id',
  price_overrides: 'organization_id',
  budgets: 'organization_id',
  holds: 'organization_id',
  attempt_intents: 'organization_id',
  idempotency_keys: 'organization_id',
  usage_records: 'organization_id',
  usage_rollups: 'organization_id',
  ledger_accounts: 'organization_id',
  ledger_transactions: 'organization_id',
  audit_logs: 'organization_id',
};

const rights = 'models, ip_allow_list, requests_per_minute, tokens_per_minute, max_concurrency';

/** All that the management API may do. What is not here, such as money and `operator`, it cannot write. */
const grants = [
  `select on organizations, projects, api_keys, service_accounts, rate_limits, price_overrides, budgets,
    budget_windows, usage_records, usage_rollups, ledger_accounts, ledger_transactions, audit_logs`,
  `insert (id, organization_id, name, archived_at), update (name, archived_at) on projects`,
  `insert (id, digest, scope, organization_id, project_id, name, last4, expires_at, revoked_at, last_used_at, ${rights},
    service_account_id, rotated_to, created_by), update (name, expires_at, revoked_at, ${rights}, rotated_to) on api_keys`,
  `insert (id, organization_id, project_id, name, role, deleted_at), update (name, role, deleted_at) on service_accounts`,
  `insert (id, organization_id, project_id, model, requests_per_minute, tokens_per_minute, max_concurrency),
    update (requests_per_minute, tokens_per_minute, max_concurrency) on rate_limits`,
  `delete on rate_limits`,
  `insert (id, organization_id, scope, scope_id, period, amount_nanos), update (amount_nanos, deleted_at, scope_id) on budgets`, // scope_id: moves to the key that replaces its key
  `insert (id, organization_id, type, actor_key_id, ip_address, project_id, details) on audit_logs`,
];

/**
 * The management API works as the role `modapi_api`, which sees and writes the rows of one organization only
 * (`app.organization` of its transaction), whatever a query forgets. The owner of the tables is not bound by it.
 */
export class RowLevelSecurity1767312300000 implements MigrationInterface {
  readonly name = 'RowLevelSecurity1767312300000';

  async up(runner: QueryRunner): Promise<void> {
    await this.createRole(runner);
    for (const [table, column] of Object.entries(owned)) {
      await this.protect(runner, table, `${column} = current_setting('app.organization', true)`);
    }
    // Through their budget, which the same law hides.
    await this.protect(runner, 'budget_windows', `exists (select from budgets b where b.id = budget_id)`);
    await runner.query(`
      do $$ begin execute format('grant usage on schema %I to modapi_api', current_schema()); end $$`);
    for (const grant of grants) await runner.query(`grant ${grant} to modapi_api`);
    await this.chainAuditLogs(runner);
    await runner.query(`create index projects_organization on projects (organization_id, created_at, id)`);
    await runner.query(`create index organizations_created on organizations (created_at, id)`);
  }

  /** Roles belong to the server, not to the database: another database may have made it already, or be about to. */
  private async createRole(runner: QueryRunner): Promise<void> {
    await runner.query(`
      do $$
      declare
        membership text := case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end;
      begin
        if not exists (select from pg_roles where rolname = 'modapi_api') then
          begin
            create role modapi_api nologin;
          exception when duplicate_object or unique_violation then null;
          end;
        end if;
        if not pg_has_role(current_user, 'modapi_api', membership) then
          execute format('grant modapi_api to %I', current_user);
        end if;
      exception when insufficient_privilege then
        raise exception 'the database user may not make the role that row-level security needs; as a superuser, run: create role modapi_api; grant modapi_api to %;',
          quote_ident(current_user) using errcode = 'insufficient_privilege';
      end $$`);
  }

  private async protect(runner: QueryRunner, table: string, condition: string): Promise<void> {
    await runner.query(`alter table ${table} enable row level security`);
    await runner.query(
      `create policy own_organization on ${table} to modapi_api using (${condition}) with check (${condition})`,
    );
  }

  /**
   * Each row's hash covers the row and the hash before it: a row that was changed or removed breaks the chain from there
   * on. The database computes them, so that who writes an entry cannot choose its place, its time or its hash.
   */
  private async chainAuditLogs(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create function audit_log_hash(entry audit_logs) returns text language sql stable as $$
        select encode(sha256(convert_to(entry.previous_hash || jsonb_build_array(
          entry.sequence, entry.id, entry.organization_id, entry.type, entry.actor_key_id, entry.ip_address,
          entry.project_id, entry.details, extract(epoch from entry.created_at)
        )::text, 'UTF8')), 'hex')
      $$`);
    await runner.query(`
      create function chain_audit_log() returns trigger language plpgsql as $$
      declare
        latest record;
      begin
        -- One writer of an organization's chain at a time, until it commits.
        perform pg_advisory_xact_lock(hashtextextended('audit_logs:' || new.organization_id, 0));
        select sequence, hash into latest from audit_logs
        where organization_id = new.organization_id order by sequence desc limit 1;
        new.sequence := coalesce(latest.sequence, 0) + 1;
        new.previous_hash := coalesce(latest.hash, '');
        new.created_at := clock_timestamp();
        new.hash := audit_log_hash(new);
        return new;
      end $$`);
    await runner.query(`
      create trigger audit_logs_chain before insert on audit_logs for each row execute function chain_audit_log()`);
    await runner.query(`
      create trigger audit_logs_append_only before update or delete or truncate on audit_logs
      for each statement execute function refuse_change()`);
    await runner.query(`create index audit_logs_type on audit_logs (organization_id, type, sequence)`);
    await runner.query(`create index audit_logs_project on audit_logs (organization_id, project_id, sequence)`);
    // Empty unless someone tampered. It cannot see that the newest rows of a chain are missing: keep its last hash elsewhere.
    await runner.query(`
      create view audit_log_breaks as
      select id, organization_id, sequence from (
        select entry.*, audit_log_hash(entry) as expected_hash,
          lag(hash, 1, '') over chain as expected_previous, lag(sequence, 1, 0::bigint) over chain + 1 as expected_sequence
        from audit_logs entry window chain as (partition by organization_id order by sequence)
      ) checked
      where hash <> expected_hash or previous_hash <> expected_previous or sequence <> expected_sequence`);
  }

  /** The role stays: another database of the server may use it. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop view audit_log_breaks`);
    await runner.query(`drop index audit_logs_type, audit_logs_project, projects_organization, organizations_created`);
    await runner.query(`drop trigger audit_logs_append_only on audit_logs`);
    await runner.query(`drop trigger audit_logs_chain on audit_logs`);
    await runner.query(`drop function chain_audit_log, audit_log_hash`);
    for (const table of [...Object.keys(owned), 'budget_windows']) {
      await runner.query(`drop policy own_organization on ${table}`);
      await runner.query(`alter table ${table} disable row level security`);
      await runner.query(`revoke all on ${table} from modapi_api`);
    }
    await runner.query(
      `do $$ begin execute format('revoke usage on schema %I from modapi_api', current_schema()); end $$`,
    );
  }
}
