import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Organizations, projects, keys, usage records, dead letters. */
export class KeysAndUsage1767225600000 implements MigrationInterface {
  readonly name = 'KeysAndUsage1767225600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table organizations (
        id text primary key,
        name text not null,
        billing_mode text not null check (billing_mode in ('prepaid', 'postpaid')),
        created_at timestamptz not null default now(),
        disabled_at timestamptz
      )`);
    await runner.query(`
      create table projects (
        id text primary key,
        organization_id text not null references organizations,
        name text not null,
        created_at timestamptz not null default now(),
        -- Target of the keys' foreign key, so that a key cannot join a project of another organization.
        unique (id, organization_id)
      )`);
    await runner.query(`
      create table api_keys (
        id text primary key,
        digest text not null unique,
        scope text not null check (scope in ('inference', 'admin')),
        organization_id text not null,
        project_id text not null,
        name text not null,
        last4 text not null,
        created_at timestamptz not null default now(),
        expires_at timestamptz,
        revoked_at timestamptz,
        last_used_at timestamptz,
        foreign key (project_id, organization_id) references projects (id, organization_id)
      )`);
    await this.createUsage(runner);
  }

  /** No foreign keys: an event of a deleted project is money all the same, and must not block its batch. */
  private async createUsage(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table usage_records (
        attempt_id text primary key,
        request_id text not null,
        organization_id text not null,
        project_id text not null,
        key_id text not null,
        witness text not null,
        endpoint text not null,
        model text not null,
        provider text not null,
        upstream_model text not null,
        upstream_request_id text,
        upstream_status integer,
        outcome text not null,
        content_delivered boolean not null,
        usage_source text not null,
        input_tokens bigint not null check (input_tokens >= 0),
        input_cached_tokens bigint not null check (input_cached_tokens >= 0),
        output_tokens bigint not null check (output_tokens >= 0),
        reasoning_tokens bigint not null check (reasoning_tokens >= 0),
        price jsonb not null,
        charge_nanos bigint not null check (charge_nanos >= 0),
        started_at timestamptz not null,
        first_byte_at timestamptz,
        finished_at timestamptz not null,
        trace_id text,
        recorded_at timestamptz not null default now()
      )`);
    await runner.query(
      `create index usage_records_organization_finished on usage_records (organization_id, finished_at)`,
    );
    await runner.query(`create index usage_records_request on usage_records (request_id)`);
    await runner.query(`
      create table dead_letters (
        id text primary key,
        subject text not null,
        payload json not null,
        reason text not null,
        deliveries integer not null,
        created_at timestamptz not null default now(),
        tried_at timestamptz,
        resolved_at timestamptz
      )`);
    await runner.query(
      `create index dead_letters_open on dead_letters (tried_at nulls first) where resolved_at is null`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table dead_letters, usage_records, api_keys, projects, organizations`);
  }
}
