import { z } from 'zod';
import type { usageUnits } from '../usage.js';
import { flag, oneOf } from './fields.js';
import { integerText } from './paging.js';
import { defineOrganizationRoute, type OrganizationRoute } from './route.js';

/** Widths of a report's buckets, which begin at whole minutes, hours and days of UTC. */
export const bucketWidths = {
  '1m': { seconds: 60, limit: 60, maxLimit: 1440 },
  '1h': { seconds: 3_600, limit: 24, maxLimit: 168 },
  '1d': { seconds: 86_400, limit: 7, maxLimit: 31 },
} as const;
/** `1m`, `1h` or `1d`. */
export type BucketWidth = keyof typeof bucketWidths;

/** What results may be grouped by. Of OpenAI's words we know no users: those are null. */
export type UsageDimension =
  | 'project_id'
  | 'user_id'
  | 'api_key_id'
  | 'model'
  | 'batch'
  | 'service_tier'
  | 'api_source'
  | 'size'
  | 'source';

/** Query of a usage report, as the SDK's `Usage…Params`. */
export interface UsageQuery {
  /** Unix seconds, inclusive. */
  readonly start_time: number;
  /** Unix seconds, exclusive; now when absent. */
  readonly end_time?: number | undefined;
  readonly bucket_width: BucketWidth;
  readonly group_by: readonly UsageDimension[];
  readonly project_ids?: readonly string[] | undefined;
  readonly user_ids?: readonly string[] | undefined;
  readonly api_key_ids?: readonly string[] | undefined;
  readonly models?: readonly string[] | undefined;
  readonly batch?: boolean | undefined;
  readonly sizes?: readonly string[] | undefined;
  readonly sources?: readonly string[] | undefined;
  /** Buckets per page. */
  readonly limit?: number | undefined;
  readonly page?: string | undefined;
}

/** One of OpenAI's usage reports. */
export interface UsageKind {
  /** As in the path, and in `organization.usage.<id>.result`. */
  readonly id: string;
  /** Whose records it adds up. None yet: the report exists, and is empty. */
  readonly endpoints: readonly string[];
  /** OpenAI's `source`, by endpoint. */
  readonly sources?: Readonly<Record<string, string>>;
  readonly groupBy: readonly [UsageDimension, ...UsageDimension[]];
  readonly filters: readonly (keyof typeof specialFilters)[];
  /** Fields of a result beside `num_model_requests`: the sum of these units. */
  readonly quantities: Readonly<Record<string, readonly (typeof usageUnits)[number][]>>;
}

const maxListed = 1_000;
/** The SDK's only spelling is `name[]=a&name[]=b`; a single value comes as text. */
const listOf = <Item extends z.ZodType>(item: Item) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? [value] : value),
    z.array(item, 'must be text, or a list of it').max(maxListed, `must have at most ${maxListed} values`),
  );
const textForm = 'must be text of 1 to 256 characters';
/** A few ids or names. */
export const names = listOf(z.string(textForm).min(1, textForm).max(256, textForm));
const words = new Map<unknown, boolean>([
  ['true', true],
  ['false', false],
]);
const flagText = z.preprocess((value) => words.get(value) ?? value, flag);
const specialFilters = { batch: flagText.optional(), sizes: names.optional(), sources: names.optional() };

/** The year 2200: Postgres and JavaScript know it, and nobody waits for it. */
const lastSecond = 7_258_118_400;
const unixSeconds = integerText(0, lastSecond);

const pageForm = 'must be the next_page of the page before';

/** Parameters of all reports. */
export const reportParameters = {
  start_time: unixSeconds,
  end_time: unixSeconds.optional(),
  project_ids: names.optional(),
  api_key_ids: names.optional(),
  page: z.string(pageForm).max(128, pageForm).optional(),
};

/** `group_by[]=model` is the parameter `group_by`. */
export function withoutBrackets(query: unknown): unknown {
  if (query === null || typeof query !== 'object') return query;
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(query)) {
    const key = name.endsWith('[]') ? name.slice(0, -2) : name;
    plain[key] = Object.hasOwn(plain, key) ? [plain[key], value].flat() : value;
  }
  return plain;
}

/** A list of distinct dimensions. */
export const groupedBy = <Dimension extends string>(allowed: readonly [Dimension, ...Dimension[]]) =>
  listOf(oneOf(allowed)).default([]);

/** Reports an end that is not after its start. */
export function checkTimes(
  query: { readonly start_time: number; readonly end_time?: number | undefined },
  context: z.RefinementCtx,
): void {
  if (query.end_time !== undefined && query.end_time <= query.start_time) {
    context.addIssue({ code: 'custom', path: ['end_time'], message: 'must be after start_time' });
  }
}

/** Query of one kind. What it returned it accepts again. */
export function usageQueryOf(kind: UsageKind): z.ZodType<UsageQuery> {
  const filters = Object.fromEntries(kind.filters.map((name) => [name, specialFilters[name]]));
  const parameters = z.strictObject({
    ...reportParameters,
    bucket_width: oneOf(['1m', '1h', '1d']).default('1d'),
    group_by: groupedBy(kind.groupBy),
    user_ids: names.optional(),
    models: names.optional(),
    limit: integerText(1, bucketWidths['1m'].maxLimit).optional(),
    ...filters,
  });
  const checked = parameters.superRefine((query, context) => {
    checkTimes(query, context);
    const { maxLimit } = bucketWidths[query.bucket_width];
    if ((query.limit ?? 1) > maxLimit) {
      const message = `must be an integer from 1 to ${maxLimit} when bucket_width is ${query.bucket_width}`;
      context.addIssue({ code: 'custom', path: ['limit'], message });
    }
  });
  return z.preprocess(withoutBrackets, checked);
}

const everyCall = ['project_id', 'user_id', 'api_key_id', 'model'] as const;

/** All usage reports; an endpoint belongs to exactly one of them. */
export const usageKinds: readonly UsageKind[] = [
  {
    id: 'completions',
    endpoints: ['chat.completions', 'responses', 'completions'],
    groupBy: [...everyCall, 'batch', 'service_tier', 'api_source'],
    filters: ['batch'],
    // OpenAI counts cached tokens as input and reasoning as output; our units do not overlap.
    quantities: {
      input_tokens: ['input', 'input_cached', 'input_audio', 'input_image'],
      input_cached_tokens: ['input_cached'],
      input_uncached_tokens: ['input', 'input_audio', 'input_image'],
      output_tokens: ['output', 'reasoning', 'output_audio', 'output_image'],
      input_text_tokens: ['input'],
      output_text_tokens: ['output', 'reasoning'],
      input_audio_tokens: ['input_audio'],
      output_audio_tokens: ['output_audio'],
      input_image_tokens: ['input_image'],
      output_image_tokens: ['output_image'],
    },
  },
  {
    id: 'embeddings',
    // OpenAI has no reranker; its tokens are as those of an embedding.
    endpoints: ['embeddings', 'rerank'],
    groupBy: everyCall,
    filters: [],
    quantities: { input_tokens: ['input', 'input_cached', 'input_audio', 'input_image'] },
  },
  {
    id: 'moderations',
    endpoints: ['moderations'],
    groupBy: everyCall,
    filters: [],
    quantities: { input_tokens: ['input', 'input_cached'] },
  },
  {
    id: 'images',
    endpoints: ['images.generations', 'images.edits', 'images.variations'],
    sources: {
      'images.generations': 'image.generation',
      'images.edits': 'image.edit',
      'images.variations': 'image.variation',
    },
    groupBy: [...everyCall, 'size', 'source'],
    filters: ['sizes', 'sources'],
    quantities: { images: ['images'] },
  },
  {
    id: 'audio_speeches',
    endpoints: ['audio.speech'],
    groupBy: everyCall,
    filters: [],
    quantities: { characters: ['characters'] },
  },
  {
    id: 'audio_transcriptions',
    endpoints: ['audio.transcriptions', 'audio.translations'],
    groupBy: everyCall,
    filters: [],
    quantities: { seconds: ['seconds'] },
  },
  { id: 'videos', endpoints: [], groupBy: everyCall, filters: [], quantities: {} },
];

/** One result; its dimensions are null unless grouped by. */
export interface UsageResult {
  readonly object: string;
  readonly num_model_requests: number;
  readonly [field: string]: string | number | boolean | null;
}

/** A stretch of time, with nothing in `results` when nothing happened. */
export interface ReportBucket<Result> {
  readonly object: 'bucket';
  readonly start_time: number;
  readonly end_time: number;
  readonly results: readonly Result[];
}

/** A page of buckets; the next one is `page=next_page`. */
export interface ReportPage<Result> {
  readonly object: 'page';
  readonly data: readonly ReportBucket<Result>[];
  readonly has_more: boolean;
  readonly next_page: string | null;
}

/** `GET /v1/organization/usage/<kind>`. */
export const usageRoutes: readonly OrganizationRoute[] = usageKinds.map((kind) =>
  defineOrganizationRoute({
    id: `usage.${kind.id}`,
    method: 'GET',
    path: `/v1/organization/usage/${kind.id}`,
    access: 'admin',
    query: usageQueryOf(kind),
    summary: `Usage of the organization over time: ${kind.id.replaceAll('_', ' ')}.`,
  }),
);
