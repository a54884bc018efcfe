import type { MigrationInterface, QueryRunner } from 'typeorm';
import { advisoryLocks } from '../advisory-locks.js';

const grains = ['minute', 'hour', 'day'];
const sums = [
  'requests',
  'charged_attempts',
  'input_tokens',
  'input_cached_tokens',
  'output_tokens',
  'reasoning_tokens',
  'charge_nanos',
];
const dimensions = 'organization_id, endpoint, project_id, key_id, model';

/** Usage added up by minute, hour and day (UTC), and how far the adding has come. */
export class UsageRollups1767312240000 implements MigrationInterface {
  readonly name = 'UsageRollups1767312240000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table usage_rollups (
        organization_id text not null,
        grain text not null,
        starts_at timestamptz not null,
        endpoint text not null,
        project_id text not null,
        key_id text not null,
        model text not null,
        -- Attempts that delivered content or cost something: what OpenAI calls num_model_requests.
        requests bigint not null,
        charged_attempts bigint not null,
        input_tokens bigint not null,
        input_cached_tokens bigint not null,
        output_tokens bigint not null,
        reasoning_tokens bigint not null,
        charge_nanos bigint not null,
        primary key (organization_id, starts_at, endpoint, project_id, key_id, model, grain)
      ) partition by list (grain)`);
    // Minutes outnumber hours and days by far: among them, a month of days would lie scattered over the whole table.
    for (const grain of grains) {
      await runner.query(`
        create table usage_rollups_${grain} partition of usage_rollups for values in ('${grain}')
        with (fillfactor = 85)`);
    }
    // Records of transactions below this are in usage_rollups, all others are not: there is no third case.
    await runner.query(`
      create table usage_rollup_watermark (
        one boolean primary key default true check (one),
        next_xid xid8 not null
      )`);
    await runner.query(`insert into usage_rollup_watermark (next_xid) values ('3')`);
    await this.createReading(runner);
    await this.createAdding(runner);
    await this.createRollUp(runner);
    await this.createRebuild(runner);
    await runner.query(`select roll_up_usage(2147483647)`);
  }

  /**
   * Stable: the planner knows its value, and a query sees the watermark of its own snapshot. Whoever may read usage may
   * ask for it, whatever row-level security hides.
   */
  private async createReading(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create function usage_rolled_up_to() returns xid8 language plpgsql stable security definer
      set search_path from current as $$
      declare
        watermark xid8;
      begin
        select next_xid into strict watermark from usage_rollup_watermark;
        -- A dump carries the old server's transaction ids: new records would look old, and be left out.
        if watermark > pg_snapshot_xmin(pg_current_snapshot()) then
          raise exception 'usage roll-ups are ahead of this server, as after a restore from a dump'
            using errcode = 'MD002', hint = 'Run once: select rebuild_usage_rollups()';
        end if;
        return watermark;
      end $$`);
  }

  /** Adds the records of transactions from low up to, but without, high; how many they were. */
  private async createAdding(runner: QueryRunner): Promise<void> {
    const coarser = (interval: string, finer: string): string => `
      select ${dimensions}, date_bin('${interval}', starts_at, 'epoch') as starts_at,
        ${sums.map((sum) => `sum(${sum})::bigint as ${sum}`).join(', ')}
      from ${finer} group by ${dimensions}, 6`;
    const rows = (grain: string): string =>
      `select organization_id, '${grain}', starts_at, endpoint, project_id, key_id, model, ${sums.join(', ')} from ${grain}s`;
    await runner.query(`
      create function add_usage_to_rollups(low xid8, high xid8) returns integer language plpgsql as $$
      declare
        taken_count integer;
      begin
        with taken as materialized (
          select ${dimensions}, date_bin('1 minute', finished_at, 'epoch') as starts_at,
            (content_delivered or charge_nanos + written_off_nanos > 0)::int as requests,
            (charge_nanos > 0)::int as charged_attempts,
            input_tokens, input_cached_tokens, output_tokens, reasoning_tokens, charge_nanos
          from usage_records where recorded_xid >= low and recorded_xid < high
        ),
        minutes as materialized (${coarser('1 minute', 'taken')}),
        hours as materialized (${coarser('1 hour', 'minutes')}),
        days as materialized (${coarser('1 day', 'hours')}),
        added as (
          insert into usage_rollups (organization_id, grain, starts_at, endpoint, project_id, key_id, model, ${sums.join(', ')})
          ${grains.map(rows).join(' union all ')}
          on conflict (organization_id, starts_at, endpoint, project_id, key_id, model, grain) do update set
            ${sums.map((sum) => `${sum} = usage_rollups.${sum} + excluded.${sum}`).join(', ')}
        )
        select count(*) into taken_count from taken;
        return taken_count;
      end $$`);
  }

  /**
   * Takes about max_records further records, whole transactions only; null: another process is at it. What is below
   * the oldest transaction under way is complete, in whatever order it was committed.
   */
  private async createRollUp(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create function roll_up_usage(max_records integer) returns integer language plpgsql as $$
      declare
        low xid8;
        high xid8;
        cut xid8;
        oldest xid8;
        taken_count integer;
      begin
        if not pg_try_advisory_xact_lock(${advisoryLocks.usageRollUp}) then
          return null;
        end if;
        -- From here on each statement has its own snapshot, and none is older than the one that high comes from.
        low := usage_rolled_up_to();
        high := pg_snapshot_xmin(pg_current_snapshot());
        select recorded_xid into cut from usage_records where recorded_xid >= low and recorded_xid < high
        order by recorded_xid offset max_records limit 1;
        select recorded_xid into oldest from usage_records where recorded_xid >= low and recorded_xid < high
        order by recorded_xid limit 1;
        if cut = oldest then
          -- One transaction with more records than that: all of it.
          select recorded_xid into cut from usage_records where recorded_xid > oldest and recorded_xid < high
          order by recorded_xid limit 1;
        end if;
        high := coalesce(cut, high);
        taken_count := add_usage_to_rollups(low, high);
        if taken_count > 0 then
          update usage_rollup_watermark set next_xid = high;
        end if;
        return taken_count;
      end $$`);
  }

  /** For the operator, after a restore from a dump. Nothing is recorded meanwhile; events wait in the bus. */
  private async createRebuild(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create function rebuild_usage_rollups() returns integer language plpgsql as $$
      begin
        perform pg_advisory_xact_lock(${advisoryLocks.usageRollUp});
        lock table usage_records, usage_rollups in access exclusive mode;
        alter table usage_records disable trigger usage_records_append_only;
        -- 3 is the first id that a transaction can have, so that whatever comes later counts as later.
        update usage_records set recorded_xid = '3';
        alter table usage_records enable trigger usage_records_append_only;
        truncate usage_rollups;
        update usage_rollup_watermark set next_xid = '4';
        return add_usage_to_rollups('3', '4');
      end $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop function rebuild_usage_rollups, roll_up_usage, add_usage_to_rollups, usage_rolled_up_to`);
    await runner.query(`drop table usage_rollup_watermark, usage_rollups`);
  }
}
