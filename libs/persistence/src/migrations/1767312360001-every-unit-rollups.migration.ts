import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Columns of the roll-ups beside the four of text tokens, and the unit that each adds up. */
const furtherSums: Readonly<Record<string, string>> = {
  input_audio_tokens: 'input_audio',
  input_image_tokens: 'input_image',
  output_audio_tokens: 'output_audio',
  output_image_tokens: 'output_image',
  images: 'images',
  pixels: 'pixels',
  seconds: 'seconds',
  characters: 'characters',
  searches: 'searches',
};
const textColumns: Readonly<Record<string, string>> = {
  input_tokens: 'input',
  input_cached_tokens: 'input_cached',
  output_tokens: 'output',
  reasoning_tokens: 'reasoning',
};
const textSums = ['requests', 'charged_attempts', ...Object.keys(textColumns), 'charge_nanos'];
const grains = ['minute', 'hour', 'day'];

interface Version {
  readonly further: readonly string[];
  /** Of images; before, roll-ups did not know it. */
  readonly size: boolean;
}

const before: Version = { further: [], size: false };
const after: Version = { further: Object.keys(furtherSums), size: true };

/** As in the migration `usage-rollups`, with more sums, and the size of images as a dimension. */
function addUsageToRollups({ further, size }: Version): string {
  const sums = [...textSums, ...further];
  const dimensions = ['organization_id', 'endpoint', 'project_id', 'key_id', 'model', ...(size ? ['image_size'] : [])];
  const dimensionList = dimensions.join(', ');
  const coarser = (interval: string, finer: string): string => `
    select ${dimensionList}, date_bin('${interval}', starts_at, 'epoch') as starts_at,
      ${sums.map((sum) => `sum(${sum})::bigint as ${sum}`).join(', ')}
    from ${finer} group by ${dimensionList}, ${dimensions.length + 1}`;
  const rows = (grain: string): string =>
    `select ${dimensionList}, '${grain}', starts_at, ${[...textSums, ...further.map((sum) => `coalesce(${sum}, 0)`)].join(', ')}
    from ${grain}s`;
  // null until the end where there are none, as in most records: nulls are neither kept nor added.
  const quantities = further.map(
    (sum) => `case when further_usage is not null or measured_usage is not null
            then usage_quantity('${furtherSums[sum]}', further_usage, measured_usage) end as ${sum}, `,
  );
  // Tokens that are not charged are measured, as of a reranker that is paid by the search.
  const textTokens = Object.entries(textColumns).map(([column, unit]) =>
    further.length > 0 ? `${column} + usage_quantity('${unit}', null, measured_usage) as ${column}` : column,
  );
  return `
    create or replace function add_usage_to_rollups(low xid8, high xid8) returns integer language plpgsql as $$
    declare
      taken_count integer;
    begin
      with taken as materialized (
        select organization_id, endpoint, project_id, key_id, model,
          ${size ? "coalesce(image_size_of(further_usage), image_size_of(measured_usage), '') as image_size," : ''}
          date_bin('1 minute', finished_at, 'epoch') as starts_at,
          (content_delivered or charge_nanos + written_off_nanos > 0)::int as requests,
          (charge_nanos > 0)::int as charged_attempts, ${quantities.join('')}
          ${textTokens.join(', ')}, charge_nanos
        from usage_records where recorded_xid >= low and recorded_xid < high
      ),
      minutes as materialized (${coarser('1 minute', 'taken')}),
      hours as materialized (${coarser('1 hour', 'minutes')}),
      days as materialized (${coarser('1 day', 'hours')}),
      added as (
        insert into usage_rollups (${dimensionList}, grain, starts_at, ${sums.join(', ')})
        ${grains.map(rows).join(' union all ')}
        on conflict (organization_id, starts_at, endpoint, project_id, key_id, model, ${size ? 'image_size, ' : ''}grain)
        do update set ${sums.map((sum) => `${sum} = usage_rollups.${sum} + excluded.${sum}`).join(', ')}
      )
      select count(*) into taken_count from taken;
      return taken_count;
    end $$`;
}

/** Reports read the records that are not rolled up yet through the same functions. */
const quantityFunctions = [
  `create function images_of(usage jsonb) returns bigint language sql immutable strict parallel safe as $$
    select sum(value::bigint)::bigint from jsonb_each_text(usage) where key = 'images' or key like 'images:%'
  $$`,
  `create function usage_quantity(unit text, further jsonb, measured jsonb) returns bigint
  language sql immutable parallel safe as $$
    select case when further is null and measured is null then 0
      when unit = 'images' then coalesce(images_of(further), 0) + coalesce(images_of(measured), 0)
      else coalesce((further ->> unit)::bigint, 0) + coalesce((measured ->> unit)::bigint, 0) end
  $$`,
  // A call makes images of one size; null where its variant does not begin with one. Strict, so that the usual row costs no call.
  `create function image_size_of(usage jsonb) returns text language sql immutable strict parallel safe as $$
    select substring(key from '^images:(\\d[^/]*)') from jsonb_object_keys(usage) key
    where key ~ '^images:\\d' order by key limit 1
  $$`,
];

const key = 'organization_id, starts_at, endpoint, project_id, key_id, model';

/** Roll-ups of every unit. What was rolled up before had text tokens only: nothing is to be added up again. */
export class EveryUnitRollups1767312360001 implements MigrationInterface {
  readonly name = 'EveryUnitRollups1767312360001';

  async up(runner: QueryRunner): Promise<void> {
    for (const sql of quantityFunctions) await runner.query(sql);
    const columns = Object.keys(furtherSums).map((sum) => `add column ${sum} bigint not null default 0`);
    await runner.query(`
      alter table usage_rollups add column image_size text not null default '', ${columns.join(', ')},
        drop constraint usage_rollups_pkey, add primary key (${key}, image_size, grain)`);
    await runner.query(addUsageToRollups(after));
  }

  /** Sizes of one image model may have made rows that only the size tells apart: their sums are taken together first. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(addUsageToRollups(before));
    const dimensions = `${key}, grain`;
    await runner.query(`
      create temporary table rolled_up on commit drop as
      select ${dimensions}, ${textSums.map((sum) => `sum(${sum})::bigint as ${sum}`).join(', ')}
      from usage_rollups group by ${dimensions}`);
    await runner.query(`truncate usage_rollups`);
    const columns = Object.keys(furtherSums).map((sum) => `drop column ${sum}`);
    await runner.query(`
      alter table usage_rollups drop constraint usage_rollups_pkey, drop column image_size, ${columns.join(', ')},
        add primary key (${dimensions})`);
    await runner.query(`
      insert into usage_rollups (${dimensions}, ${textSums.join(', ')})
      select ${dimensions}, ${textSums.join(', ')} from rolled_up`);
    await runner.query(`drop function image_size_of, usage_quantity, images_of`);
  }
}
