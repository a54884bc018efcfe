import { Injectable } from '@nestjs/common';
import { GatewayError, type ListPage, projectBody, projectListQuery, type ProjectObject } from '#libs/contracts';
import { newId, unixSeconds } from '../keys/owned-rows.js';
import { loadPage } from '../keys/row-page.js';
import { noSuchObject } from './call-validation.js';
import type { HandlerGroup, OrganizationCall } from './handler-group.js';

interface ProjectRow {
  readonly id: string;
  readonly name: string;
  readonly created_at: Date;
  readonly archived_at: Date | null;
}

const columns = 'id, name, created_at, archived_at';

/** Projects, in OpenAI's shapes. */
@Injectable()
export class ProjectsHandlers implements HandlerGroup {
  readonly handlers = {
    'projects.list': list,
    'projects.create': create,
    'projects.retrieve': async (call: OrganizationCall) => projectOf(await load(call)),
    'projects.update': update,
    'projects.archive': archive,
  };
}

function list(call: OrganizationCall): Promise<ListPage<ProjectObject>> {
  const query = projectListQuery.parse(call.query);
  const source = {
    select: 'select t.* from projects t',
    table: 'projects',
    owned: 't.organization_id = $1',
    shown: query.include_archived ? 'true' : 't.archived_at is null',
    values: [call.organizationId],
  };
  return loadPage<ProjectRow, ProjectObject>(call.manager, source, query, projectOf);
}

async function create(call: OrganizationCall): Promise<ProjectObject> {
  const { name } = projectBody.parse(call.body);
  const id = newId('proj');
  const [row] = await call.manager.query<ProjectRow[]>(
    `insert into projects (id, organization_id, name) values ($1, $2, $3) returning ${columns}`,
    [id, call.organizationId, name],
  );
  call.audit({ type: 'project.created', projectId: id, details: { id, data: { name } } });
  return projectOf(row as ProjectRow);
}

async function update(call: OrganizationCall): Promise<ProjectObject> {
  const { name } = projectBody.parse(call.body);
  const { id, archived_at: archivedAt } = await load(call, 'for update');
  if (archivedAt) {
    throw new GatewayError('bad_request', 'An archived project cannot be changed.', { param: 'project_id' });
  }
  const row = await change(call, `name = $3`, [name]);
  call.audit({ type: 'project.updated', projectId: id, details: { id, changes_requested: { name } } });
  return projectOf(row);
}

async function archive(call: OrganizationCall): Promise<ProjectObject> {
  // One at a time in an organization, until it commits: of two last projects one must stay.
  await call.manager.query(`select pg_advisory_xact_lock(hashtextextended('projects:' || $1, 0))`, [
    call.organizationId,
  ]);
  const before = await load(call, 'for update');
  if (before.archived_at) return projectOf(before);
  await refuseLast(call, before.id);
  const row = await change(call, `archived_at = now()`, []);
  call.audit({ type: 'project.archived', projectId: row.id, details: { id: row.id } });
  call.forgetKeys({ organizationId: call.organizationId });
  return projectOf(row);
}

/** Without a project nobody could make a key, and new admin keys would have no home. */
async function refuseLast(call: OrganizationCall, id: string): Promise<void> {
  const others = await call.manager.query<unknown[]>(
    `select from projects where organization_id = $1 and id <> $2 and archived_at is null limit 1`,
    [call.organizationId, id],
  );
  if (others.length > 0) return;
  const message =
    'This is the last active project of the organization. Make another one first; to stop its keys, delete them.';
  throw new GatewayError('invalid_value', message, { param: 'project_id' });
}

async function load(call: OrganizationCall, lock: '' | 'for update' = ''): Promise<ProjectRow> {
  const [row] = await call.manager.query<ProjectRow[]>(
    `select ${columns} from projects where id = $1 and organization_id = $2 ${lock}`,
    [call.params['project_id'], call.organizationId],
  );
  if (!row) throw noSuchObject('project');
  return row;
}

async function change(call: OrganizationCall, assignment: string, values: readonly unknown[]): Promise<ProjectRow> {
  const [rows] = await call.manager.query<[ProjectRow[], number]>(
    `update projects set ${assignment} where id = $1 and organization_id = $2 returning ${columns}`,
    [call.params['project_id'], call.organizationId, ...values],
  );
  const [row] = rows;
  if (!row) throw noSuchObject('project');
  return row;
}

function projectOf(row: ProjectRow): ProjectObject {
  return {
    id: row.id,
    object: 'organization.project',
    name: row.name,
    created_at: unixSeconds(row.created_at),
    archived_at: unixSeconds(row.archived_at),
    status: row.archived_at ? 'archived' : 'active',
  };
}
