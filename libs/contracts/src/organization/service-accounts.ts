import { z } from 'zod';
import { keyLifetime, keyRights, keyScopes } from './api-keys.js';
import { displayName, flag, oneOf } from './fields.js';
import { listQuery } from './paging.js';
import { defineOrganizationRoute } from './route.js';

/** Body of `projects.service_accounts.create`. */
export const createServiceAccountBody = z.strictObject({
  name: displayName,
  /** True: without a key. */
  create_service_account_only: flag.nullable().optional(),
  expires_in_seconds: keyLifetime.nullable().optional(),
});

/** Body of `projects.service_accounts.update`. */
export const updateServiceAccountBody = z.strictObject({
  name: displayName.optional(),
  role: oneOf(['member', 'owner']).optional(),
});

/** Body of `projects.service_accounts.api_keys.create`. */
export const createServiceAccountKeyBody = z.strictObject({
  name: displayName.optional(),
  expires_in_seconds: keyLifetime.nullable().optional(),
  scopes: keyScopes,
  ...keyRights,
});

const accountsPath = '/v1/organization/projects/:project_id/service_accounts';
const accountPath = `${accountsPath}/:service_account_id`;

/** Owners of keys that are no person. */
export const serviceAccountRoutes = [
  defineOrganizationRoute({
    id: 'projects.service_accounts.list',
    method: 'GET',
    path: accountsPath,
    access: 'admin',
    query: listQuery,
    summary: 'Lists the service accounts of a project.',
  }),
  defineOrganizationRoute({
    id: 'projects.service_accounts.create',
    method: 'POST',
    path: accountsPath,
    access: 'admin',
    body: createServiceAccountBody,
    summary: 'Makes a service account and its first key, whose `value` is shown this once.',
  }),
  defineOrganizationRoute({
    id: 'projects.service_accounts.retrieve',
    method: 'GET',
    path: accountPath,
    access: 'admin',
    summary: 'A service account.',
  }),
  defineOrganizationRoute({
    id: 'projects.service_accounts.update',
    method: 'POST',
    path: accountPath,
    access: 'admin',
    body: updateServiceAccountBody,
    summary: 'Changes the name or the role of a service account.',
  }),
  defineOrganizationRoute({
    id: 'projects.service_accounts.delete',
    method: 'DELETE',
    path: accountPath,
    access: 'admin',
    summary: 'Deletes a service account and revokes its keys.',
  }),
  defineOrganizationRoute({
    id: 'projects.service_accounts.api_keys.create',
    method: 'POST',
    path: `${accountPath}/api_keys`,
    access: 'admin',
    body: createServiceAccountKeyBody,
    summary: 'Makes a further key of a service account; its `value` is shown this once.',
  }),
];
