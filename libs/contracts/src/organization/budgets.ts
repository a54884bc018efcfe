import { z } from 'zod';
import { nanoUsd, oneOf } from './fields.js';
import { listQuery, objectId } from './paging.js';
import { defineOrganizationRoute, type OrganizationRoute } from './route.js';

/** What a budget covers. */
export const budgetScopes = oneOf(['organization', 'project', 'api_key']);
/** Days and months are UTC. */
export const budgetPeriods = oneOf(['day', 'month', 'total']);

/** Body of `budgets.create`. `scope_id` may be left out for the organization itself. */
export const budgetCreateBody = z
  .strictObject({
    scope: budgetScopes,
    scope_id: objectId.optional(),
    period: budgetPeriods,
    amount_nano_usd: nanoUsd,
  })
  .refine((body) => body.scope === 'organization' || body.scope_id !== undefined, {
    path: ['scope_id'],
    message: 'must name the project or the API key',
  });
/** Body of `budgets.update`. */
export const budgetUpdateBody = z.strictObject({ amount_nano_usd: nanoUsd });

/** A ceiling of what may be spent within one period. */
export interface BudgetObject {
  readonly id: string;
  readonly object: 'organization.budget';
  readonly scope: z.infer<typeof budgetScopes>;
  readonly scope_id: string;
  readonly period: z.infer<typeof budgetPeriods>;
  readonly amount_nano_usd: string;
  /** Of the current window: set aside by requests under way. */
  readonly held_nano_usd: string;
  /** Of the current window: charged. */
  readonly spent_nano_usd: string;
  /** Unix seconds. */
  readonly created_at: number;
}

const path = '/v1/organization/budgets';

/** Budgets of the organization, its projects and its keys. */
export const budgetRoutes: readonly OrganizationRoute[] = [
  defineOrganizationRoute({
    id: 'budgets.list',
    method: 'GET',
    path,
    access: 'admin',
    query: listQuery,
    summary: 'List the budgets with what was spent in their current window.',
  }),
  defineOrganizationRoute({
    id: 'budgets.create',
    method: 'POST',
    path,
    access: 'admin',
    body: budgetCreateBody,
    summary: 'Create a budget: one for each scope and period.',
  }),
  defineOrganizationRoute({
    id: 'budgets.retrieve',
    method: 'GET',
    path: `${path}/:budget_id`,
    access: 'admin',
    summary: 'Retrieve a budget.',
  }),
  defineOrganizationRoute({
    id: 'budgets.update',
    method: 'POST',
    path: `${path}/:budget_id`,
    access: 'admin',
    body: budgetUpdateBody,
    summary: 'Change the amount of a budget.',
  }),
  defineOrganizationRoute({
    id: 'budgets.delete',
    method: 'DELETE',
    path: `${path}/:budget_id`,
    access: 'admin',
    summary: 'Delete a budget.',
  }),
];
