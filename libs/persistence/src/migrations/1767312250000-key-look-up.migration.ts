import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * An admin key outlives the project it was put into: whoever archives that project must still get in. A key that was
 * rotated counts with the key that replaced it, in its limits and in its budgets: two keys must not have twice as much.
 * A function keeps its plan; as a plain statement more than half of its time went into planning.
 */
const lookUpKey = `
  create function look_up_key(wanted text) returns table (
    id text, scope text, operator boolean, organization_id text, project_id text, billing_mode text,
    models text[], ip_allow_list text[], expires_at timestamptz, refusal text,
    needs_hold boolean, limits json, prices json)
  language plpgsql stable as $$
  #variable_conflict use_column
  begin
    return query
      select k.id, k.scope, k.operator, k.organization_id, k.project_id, o.billing_mode,
        k.models, k.ip_allow_list, k.expires_at,
        case
          when k.revoked_at is not null or s.deleted_at is not null then 'revoked'
          when k.scope = 'inference' and p.archived_at is not null then 'revoked'
          when k.expires_at <= now() then 'expired'
          when o.disabled_at is not null then 'organization_disabled'
        end as refusal,
        o.billing_mode = 'prepaid' or exists (
          select from budgets b
          where b.deleted_at is null and b.organization_id = k.organization_id
            and b.scope_id in (k.organization_id, k.project_id, k.id, k.rotated_to)
        ) as needs_hold,
        (
          select coalesce(json_agg(json_build_object('scope', l.scope, 'id', l.id, 'model', l.model,
            'requestsPerMinute', l.requests, 'tokensPerMinute', l.tokens, 'concurrency', l.concurrency)), '[]')
          from (
            select 'key' as scope, coalesce(k.rotated_to, k.id) as id, null as model, k.requests_per_minute as requests,
              k.tokens_per_minute as tokens, k.max_concurrency as concurrency
            where coalesce(k.requests_per_minute, k.tokens_per_minute, k.max_concurrency) is not null
            union all
            select 'project', r.project_id, r.model, r.requests_per_minute, r.tokens_per_minute, r.max_concurrency
            from rate_limits r
            where r.project_id = k.project_id
              and coalesce(r.requests_per_minute, r.tokens_per_minute, r.max_concurrency) is not null
          ) l
        ) as limits,
        (
          select coalesce(json_object_agg(v.model, v.price), '{}')
          from price_overrides v where v.organization_id = k.organization_id
        ) as prices
      from api_keys k
      join organizations o on o.id = k.organization_id
      join projects p on p.id = k.project_id
      left join service_accounts s on s.id = k.service_account_id
      where k.digest = wanted;
  end $$`;

/** Whom a key speaks for and what it may do, in one round trip. */
export class KeyLookUp1767312250000 implements MigrationInterface {
  readonly name = 'KeyLookUp1767312250000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(lookUpKey);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop function look_up_key`);
  }
}
