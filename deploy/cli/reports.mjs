// `modapi usage` and `modapi costs`.
import { idOf } from './api.mjs';
import { UsageError } from './arguments.mjs';
import { dollarsOfNanos } from './money.mjs';
import { allProjects } from './projects.mjs';

const range = { days: { type: 'string' }, by: { type: 'string' } };
const daySeconds = 86_400;
const groups = { model: 'model', project: 'project_id', key: 'api_key_id' };

/** Names beside the ids of a group; a revoked key has none any more. */
const namers = {
  project: allProjects,
  key: async (api) => {
    const projects = await allProjects(api);
    const lists = projects.map(({ id }) => api.all(`organization/projects/${idOf(id)}/api_keys`));
    return (await Promise.all(lists)).flat();
  },
};

/** From the UTC midnight so many days ago. */
function rangeOf({ days = '7', by = 'model' }, names = groups) {
  if (!/^[1-9]\d{0,2}$/.test(days)) throw new UsageError('--days is a number from 1 to 999');
  if (!Object.hasOwn(names, by)) throw new UsageError(`--by is one of ${Object.keys(names).join(', ')}`);
  const today = Math.floor(Date.now() / 1_000 / daySeconds) * daySeconds;
  const query = {
    start_time: today - (Number(days) - 1) * daySeconds,
    bucket_width: '1d',
    limit: Math.min(31, Number(days)),
  };
  return { query: { ...query, 'group_by[]': names[by] }, column: names[by], by };
}

const dayOf = (bucket) => new Date(bucket.start_time * 1_000).toISOString().slice(0, 10);

/** One row a day and group: the day, the group (and its name), then `cells`. */
async function tableOf(api, buckets, { column, by }, cells) {
  const results = buckets.flatMap((bucket) => bucket.results.map((result) => ({ day: dayOf(bucket), result })));
  const named = by in namers && results.length > 0 ? await namers[by](api) : [];
  const names = new Map(named.map(({ id, name }) => [id, name]));
  const group = (id) => (by in namers ? [id, names.get(id)] : [id]);
  return {
    columns: ['day', by, ...(by in namers ? ['name'] : [])],
    rows: results.map(({ day, result }) => [day, ...group(result[column]), ...cells(result)]),
  };
}

/** What is reported, by word: the API's report, its quantities, and their columns. */
const kinds = {
  text: {
    report: 'completions',
    columns: { input: 'input_tokens', cached: 'input_cached_tokens', output: 'output_tokens' },
  },
  embeddings: { report: 'embeddings', columns: { input: 'input_tokens' } },
  images: { report: 'images', columns: { images: 'images' } },
  speech: { report: 'audio_speeches', columns: { characters: 'characters' } },
  transcription: { report: 'audio_transcriptions', columns: { seconds: 'seconds' } },
};

export const usage = {
  name: ['usage'],
  form: 'usage [--days 7] [--by model|project|key] [--of text|embeddings|images|speech|transcription]',
  what: 'requests per day, and what they used',
  options: { ...range, of: { type: 'string' } },
  run: async ({ api, options: { of = 'text', ...options } }) => {
    if (!Object.hasOwn(kinds, of)) throw new UsageError(`--of is one of ${Object.keys(kinds).join(', ')}`);
    const { report, columns: quantities } = kinds[of];
    const { query, ...grouping } = rangeOf(options);
    const data = await api.buckets(`organization/usage/${report}`, query);
    const { columns, rows } = await tableOf(api, data, grouping, (result) => [
      result.num_model_requests,
      ...Object.values(quantities).map((field) => result[field]),
    ]);
    return {
      data,
      columns: [...columns, 'requests', ...Object.keys(quantities)],
      rows,
      empty: 'no usage in this time',
    };
  },
};

export const costs = {
  name: ['costs'],
  form: 'costs [--days 7] [--by model|project|key]',
  what: 'what it cost per day',
  options: range,
  run: async ({ api, options }) => {
    const { query, ...grouping } = rangeOf(options, { ...groups, model: 'line_item' });
    const data = await api.buckets('organization/costs', query);
    const cells = ({ amount }) => [dollarsOfNanos(amount.nano_usd)];
    const { columns, rows } = await tableOf(api, data, grouping, cells);
    const total = data.flatMap(({ results }) => results).reduce((sum, { amount }) => sum + BigInt(amount.nano_usd), 0n);
    return {
      data,
      columns: [...columns, '$'],
      rows,
      note: `total ${dollarsOfNanos(total)} $`,
      empty: 'no costs in this time',
    };
  },
};
