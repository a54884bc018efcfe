import { z } from 'zod';
import { displayName, flag, oneOf } from './fields.js';
import { listQuery } from './paging.js';
import { defineOrganizationRoute, type OrganizationRoute } from './route.js';

/** How an organization pays: from money it has brought, or afterwards. */
export const billingModes = oneOf(['prepaid', 'postpaid']);

/** Body of `organizations.create`. */
export const organizationCreateBody = z.strictObject({ name: displayName, mode: billingModes.default('prepaid') });
/** Body of `organizations.update`. */
export const organizationUpdateBody = z
  .strictObject({ name: displayName.optional(), disabled: flag.optional() })
  .refine((body) => Object.keys(body).length > 0, 'must name what changes: `name` or `disabled`');

/** An organization, as its operator sees it. */
export interface OrganizationObject {
  readonly id: string;
  readonly object: 'organization';
  readonly name: string;
  readonly mode: 'prepaid' | 'postpaid';
  /** Unix seconds. */
  readonly created_at: number;
  /** Since then all its keys are refused. */
  readonly disabled_at: number | null;
}
/** Answer of `organizations.create`: the only time that the key is shown. */
export interface CreatedOrganization extends OrganizationObject {
  readonly admin_api_key: { readonly id: string; readonly value: string };
  readonly default_project_id: string;
}

const path = '/v1/organizations';

/** For whoever runs the gateway: organizations and the first admin key of each. */
export const organizationsRoutes: readonly OrganizationRoute[] = [
  defineOrganizationRoute({
    id: 'organizations.list',
    method: 'GET',
    path,
    access: 'operator',
    query: listQuery,
    summary: 'List all organizations.',
  }),
  defineOrganizationRoute({
    id: 'organizations.create',
    method: 'POST',
    path,
    access: 'operator',
    body: organizationCreateBody,
    summary: 'Create an organization with a default project and its own admin key, which is shown this once.',
  }),
  defineOrganizationRoute({
    id: 'organizations.retrieve',
    method: 'GET',
    path: `${path}/:organization_id`,
    access: 'operator',
    summary: 'Retrieve an organization.',
  }),
  defineOrganizationRoute({
    id: 'organizations.update',
    method: 'POST',
    path: `${path}/:organization_id`,
    access: 'operator',
    body: organizationUpdateBody,
    summary: 'Rename, disable or enable an organization.',
  }),
];
