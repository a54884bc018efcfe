import { z } from 'zod';
import { keyLifetime } from './api-keys.js';
import { displayName } from './fields.js';
import { listQuery } from './paging.js';
import { defineOrganizationRoute } from './route.js';

/** Body of `admin_api_keys.create`. */
export const createAdminApiKeyBody = z.strictObject({ name: displayName, expires_in_seconds: keyLifetime.optional() });

/** Keys that manage the organization. */
export const adminApiKeyRoutes = [
  defineOrganizationRoute({
    id: 'admin_api_keys.list',
    method: 'GET',
    path: '/v1/organization/admin_api_keys',
    access: 'admin',
    query: listQuery,
    summary: 'Lists the admin keys that are not revoked.',
  }),
  defineOrganizationRoute({
    id: 'admin_api_keys.create',
    method: 'POST',
    path: '/v1/organization/admin_api_keys',
    access: 'admin',
    body: createAdminApiKeyBody,
    summary: 'Makes an admin key; its `value` is shown this once.',
  }),
  defineOrganizationRoute({
    id: 'admin_api_keys.retrieve',
    method: 'GET',
    path: '/v1/organization/admin_api_keys/:key_id',
    access: 'admin',
    summary: 'An admin key.',
  }),
  defineOrganizationRoute({
    id: 'admin_api_keys.delete',
    method: 'DELETE',
    path: '/v1/organization/admin_api_keys/:key_id',
    access: 'admin',
    summary: 'Revokes an admin key; neither the one that asks nor the last one.',
  }),
];
