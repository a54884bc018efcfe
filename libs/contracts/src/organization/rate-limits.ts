import { z } from 'zod';
import { integer, modelId } from './fields.js';
import { integerText, listQuery } from './paging.js';
import { defineOrganizationRoute } from './route.js';

const limit = integer(1, 2_147_483_647).nullable().optional();

const limits = { max_requests_per_1_minute: limit, max_tokens_per_1_minute: limit, max_concurrency: limit };

/** OpenAI's limits that nothing here enforces: refused by name, since an ignored limit is no limit. */
export const unsupportedRateLimits = [
  'max_images_per_1_minute',
  'max_audio_megabytes_per_1_minute',
  'max_requests_per_1_day',
  'batch_1_day_max_input_tokens',
] as const;

/** Body of `projects.rate_limits.create`. */
export const createRateLimitBody = z.strictObject({
  /** null: all models of the project together. */
  model: modelId.nullable(),
  ...limits,
});

/** Body of `projects.rate_limits.update`: an absent number stays, null lifts it. */
export const updateRateLimitBody = z.strictObject({
  ...limits,
  ...Object.fromEntries(unsupportedRateLimits.map((name) => [name, z.unknown().optional()])),
});

/** Query of `projects.rate_limits.list`; OpenAI's page is 100 here. */
export const listRateLimitsQuery = z.strictObject({ ...listQuery.shape, limit: integerText(1, 100).default(100) });

const limitsPath = '/v1/organization/projects/:project_id/rate_limits';
const limitPath = `${limitsPath}/:rate_limit_id`;

/** Limits that all keys of a project share. */
export const rateLimitRoutes = [
  defineOrganizationRoute({
    id: 'projects.rate_limits.list',
    method: 'GET',
    path: limitsPath,
    access: 'admin',
    query: listRateLimitsQuery,
    summary: 'Lists the rate limits that a project has; a model without one is not limited.',
  }),
  defineOrganizationRoute({
    id: 'projects.rate_limits.create',
    method: 'POST',
    path: limitsPath,
    access: 'admin',
    body: createRateLimitBody,
    summary: 'Limits a model, or with null all models together, for a project.',
  }),
  defineOrganizationRoute({
    id: 'projects.rate_limits.update',
    method: 'POST',
    path: limitPath,
    access: 'admin',
    body: updateRateLimitBody,
    summary: 'Changes a rate limit; an absent number stays, null lifts it.',
  }),
  defineOrganizationRoute({
    id: 'projects.rate_limits.delete',
    method: 'DELETE',
    path: limitPath,
    access: 'admin',
    summary: 'Removes a rate limit.',
  }),
];
