import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a key may do, who manages it, and who did what. */
export class OrganizationManagement1767312060000 implements MigrationInterface {
  readonly name = 'OrganizationManagement1767312060000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table projects add column archived_at timestamptz`);
    await runner.query(`
      create table service_accounts (
        id text primary key,
        organization_id text not null,
        project_id text not null,
        name text not null,
        role text not null default 'member' check (role in ('member', 'owner')),
        created_at timestamptz not null default now(),
        deleted_at timestamptz,
        foreign key (project_id, organization_id) references projects (id, organization_id)
      )`);
    await runner.query(`
      alter table api_keys
        -- Whoever runs the gateway. Set by the bootstrap only; no API writes it.
        add column operator boolean not null default false,
        -- Public model ids, 'openai/*' for all that begin so; null: every model.
        add column models text[],
        -- Addresses and CIDR ranges; null: from anywhere.
        add column ip_allow_list text[],
        add column requests_per_minute integer check (requests_per_minute > 0),
        add column tokens_per_minute integer check (tokens_per_minute > 0),
        add column max_concurrency integer check (max_concurrency > 0),
        add column service_account_id text references service_accounts,
        -- The key that replaced this one.
        add column rotated_to text references api_keys,
        add column created_by text`);
    await runner.query(`create index api_keys_project on api_keys (project_id, created_at, id)`);
    await runner.query(`
      create table rate_limits (
        id text primary key,
        organization_id text not null,
        project_id text not null,
        -- null: all models together.
        model text,
        requests_per_minute integer check (requests_per_minute > 0),
        tokens_per_minute integer check (tokens_per_minute > 0),
        max_concurrency integer check (max_concurrency > 0),
        created_at timestamptz not null default now(),
        unique nulls not distinct (project_id, model),
        foreign key (project_id, organization_id) references projects (id, organization_id)
      )`);
    await runner.query(`
      create table price_overrides (
        organization_id text not null references organizations,
        model text not null,
        -- Nano-dollars per 1,000,000 units, as contracts' WirePrice.
        price jsonb not null,
        created_at timestamptz not null default now(),
        primary key (organization_id, model)
      )`);
    await this.createAuditLogs(runner);
  }

  private async createAuditLogs(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table audit_logs (
        id text primary key,
        -- Order within the organization; each row's hash covers the one before.
        sequence bigint not null,
        organization_id text not null,
        -- OpenAI's event types where it has one: api_key.created, project.updated.
        type text not null,
        actor_key_id text not null,
        ip_address text,
        project_id text,
        details jsonb not null,
        previous_hash text not null,
        hash text not null,
        created_at timestamptz not null default now(),
        unique (organization_id, sequence)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table audit_logs, price_overrides, rate_limits`);
    await runner.query(`
      alter table api_keys drop column operator, drop column models, drop column ip_allow_list,
        drop column requests_per_minute, drop column tokens_per_minute, drop column max_concurrency,
        drop column service_account_id, drop column rotated_to, drop column created_by`);
    await runner.query(`drop table service_accounts`);
    await runner.query(`alter table projects drop column archived_at`);
  }
}
