import { z } from 'zod';
import { oneOf } from './fields.js';
import { integerText } from './paging.js';
import { defineOrganizationRoute, type OrganizationRoute } from './route.js';
import { checkTimes, groupedBy, names, reportParameters, withoutBrackets } from './usage.js';

/** What costs may be grouped by. A line item is a model, or `refund`. */
export const costDimensions = ['project_id', 'user_id', 'line_item', 'api_key_id', 'api_source'] as const;

/** The line item of money that was given back. */
export const refundLineItem = 'refund';

/** OpenAI's: buckets are whole days of UTC. */
export const costLimits = { limit: 7, maxLimit: 180 } as const;

/** Query of the cost report, as the SDK's `UsageCostsParams`. What it returned it accepts again. */
export const costsQuery = z.preprocess(
  withoutBrackets,
  z
    .strictObject({
      ...reportParameters,
      bucket_width: oneOf(['1d']).default('1d'),
      group_by: groupedBy(costDimensions),
      line_items: names.optional(),
      limit: integerText(1, costLimits.maxLimit).default(costLimits.limit),
    })
    .superRefine(checkTimes),
);
export type CostsQuery = z.infer<typeof costsQuery>;

/** One result; its dimensions are null unless grouped by. */
export interface CostsResult {
  readonly object: 'organization.costs.result';
  readonly amount: {
    /** The double nearest to the true number of dollars. */
    readonly value: number;
    readonly currency: 'usd';
    /** The same, exactly: nano-dollars as decimal text. Negative: more was given back than spent. */
    readonly nano_usd: string;
  };
  readonly line_item: string | null;
  readonly project_id: string | null;
  readonly api_key_id: string | null;
  readonly user_id: null;
  readonly api_source: 'unlabeled' | null;
  /** Units of one model have different prices: there is no one quantity. */
  readonly quantity: null;
  readonly quantity_unit: null;
}

/** `GET /v1/organization/costs`: what customers paid. */
export const costsRoutes: readonly OrganizationRoute[] = [
  defineOrganizationRoute({
    id: 'costs.list',
    method: 'GET',
    path: '/v1/organization/costs',
    access: 'admin',
    query: costsQuery,
    summary: 'What the organization spent, day by day.',
  }),
];
