import { z } from 'zod';
import { booleanText, displayName } from './fields.js';
import { listQuery } from './paging.js';
import { defineOrganizationRoute, type OrganizationRoute } from './route.js';

/** Query of `projects.list`. */
export const projectListQuery = listQuery.extend({ include_archived: booleanText.default(false) });
/** Body of `projects.create` and `projects.update`. */
export const projectBody = z.strictObject({ name: displayName });

/** As OpenAI's `Project`. */
export interface ProjectObject {
  readonly id: string;
  readonly object: 'organization.project';
  readonly name: string;
  /** Unix seconds. */
  readonly created_at: number;
  readonly archived_at: number | null;
  readonly status: 'active' | 'archived';
}

const path = '/v1/organization/projects';

/** Projects group keys; they can be archived, never deleted. */
export const projectRoutes: readonly OrganizationRoute[] = [
  defineOrganizationRoute({
    id: 'projects.list',
    method: 'GET',
    path,
    access: 'admin',
    query: projectListQuery,
    summary: 'List the projects of the organization.',
  }),
  defineOrganizationRoute({
    id: 'projects.create',
    method: 'POST',
    path,
    access: 'admin',
    body: projectBody,
    summary: 'Create a project.',
  }),
  defineOrganizationRoute({
    id: 'projects.retrieve',
    method: 'GET',
    path: `${path}/:project_id`,
    access: 'admin',
    summary: 'Retrieve a project.',
  }),
  defineOrganizationRoute({
    id: 'projects.update',
    method: 'POST',
    path: `${path}/:project_id`,
    access: 'admin',
    body: projectBody,
    summary: 'Rename a project.',
  }),
  defineOrganizationRoute({
    id: 'projects.archive',
    method: 'POST',
    path: `${path}/:project_id/archive`,
    access: 'admin',
    summary: 'Archive a project: its keys are refused from then on.',
  }),
];
