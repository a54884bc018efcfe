import { z } from 'zod';
import { isUsageUnit, usageUnits, type WirePrice } from '../usage.js';
import { nanoUsd, modelId } from './fields.js';
import { listQuery } from './paging.js';
import { defineOrganizationRoute, type OrganizationRoute } from './route.js';

const form = 'must be an object of prices by unit, such as `input` and `output`';
const prices = Object.fromEntries(usageUnits.map((unit) => [unit, nanoUsd.optional()])) as Record<
  (typeof usageUnits)[number],
  z.ZodOptional<typeof nanoUsd>
>;

/** Body of `price_overrides.set`. Nano-dollars per 1,000,000 units, as in a usage event; `images:<variant>` as there. */
export const priceOverrideBody = z.strictObject({
  model: modelId,
  price: z
    .object(prices, form)
    .catchall(nanoUsd)
    .superRefine((price, context) => {
      const unknown = Object.keys(price).filter((unit) => !isUsageUnit(unit));
      if (unknown.length > 0) context.addIssue({ code: 'unrecognized_keys', keys: unknown, input: price });
      if (Object.keys(price).length === 0) context.addIssue({ code: 'custom', message: form });
    }),
});

/** What this organization pays for a model, instead of the catalog's price. */
export interface PriceOverrideObject {
  readonly id: string;
  readonly object: 'organization.price_override';
  readonly model: string;
  readonly price: WirePrice;
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
