import { z } from 'zod';
import { nanoUsd, modelId } from './fields.js';
import { listQuery } from './paging.js';
import { defineOrganizationRoute, type OrganizationRoute } from './route.js';

/** Body of `price_overrides.set`. Nano-dollars per 1,000,000 units, as in a usage event. */
export const priceOverrideBody = z.strictObject({
  model: modelId,
  price: z.strictObject(
    {
      input: nanoUsd,
      output: nanoUsd,
      /** As `input` when absent. */
      input_cached: nanoUsd.optional(),
      /** As `output` when absent. */
      reasoning: nanoUsd.optional(),
    },
    'must be an object with `input` and `output`',
  ),
});

/** What this organization pays for a model, instead of the catalog's price. */
export interface PriceOverrideObject {
  readonly id: string;
  readonly object: 'organization.price_override';
  readonly model: string;
  readonly price: z.infer<typeof priceOverrideBody>['price'];
  /** Unix seconds. */
  readonly created_at: number;
}

const path = '/v1/organization/price_overrides';

/** Prices of one organization. Only the operator sets them. */
export const priceOverrideRoutes: readonly OrganizationRoute[] = [
  defineOrganizationRoute({
    id: 'price_overrides.list',
    method: 'GET',
    path,
    access: 'admin',
    query: listQuery,
    summary: 'List the prices that differ from the catalog.',
  }),
  defineOrganizationRoute({
    id: 'price_overrides.set',
    method: 'POST',
    path,
    access: 'operator',
    body: priceOverrideBody,
    summary: 'Set the price of a model for this organization, in place of an earlier one.',
  }),
  defineOrganizationRoute({
    id: 'price_overrides.delete',
    method: 'DELETE',
    path: `${path}/:price_override_id`,
    access: 'operator',
    summary: 'Delete a price: the catalog counts again.',
  }),
];
