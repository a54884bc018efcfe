import { Injectable } from '@nestjs/common';
import { createApiKeyBody, GatewayError, listApiKeysQuery, rotateApiKeyBody, updateApiKeyBody } from '#libs/contracts';
import type { HandlerGroup, OrganizationCall } from '../organization/handler-group.js';
import { KeyIssuer } from './key-issuer.js';
import { assignmentsOf, expiryOf, refuseEmptyChange, refuseScopes } from './key-requests.js';
import { accessOf, type KeyRow, projectKeyOf, selectKeys } from './key-row.js';
import { idOf, loadActiveProject, loadProject, notFound, type OwnedProject } from './owned-rows.js';
import { loadPage, pageOf } from './row-page.js';

const owned = `t.organization_id = $1 and t.project_id = $2 and t.scope = 'inference'`;

const columns = {
  name: 'name',
  models: 'models',
  ip_allow_list: 'ip_allow_list',
  requests_per_minute: 'requests_per_minute',
  tokens_per_minute: 'tokens_per_minute',
  max_concurrency: 'max_concurrency',
} as const;

/** Keys that call models: made, changed, rotated, revoked. */
@Injectable()
export class ApiKeysHandlers implements HandlerGroup {
  readonly handlers = {
    'projects.api_keys.list': (call: OrganizationCall) => this.list(call),
    'projects.api_keys.create': (call: OrganizationCall) => this.create(call),
    'projects.api_keys.retrieve': (call: OrganizationCall) => this.retrieve(call),
    'projects.api_keys.update': (call: OrganizationCall) => this.update(call),
    'projects.api_keys.rotate': (call: OrganizationCall) => this.rotate(call),
    'projects.api_keys.delete': (call: OrganizationCall) => this.delete(call),
  };

  constructor(private readonly issuer: KeyIssuer) {}

  private async list(call: OrganizationCall): Promise<object> {
    const { owner_project_access: access, ...query } = listApiKeysQuery.parse(call.query);
    const project = await loadProject(call);
    if (access !== 'any' && access !== accessOf(project)) return pageOf([], false);
    const shown = 't.revoked_at is null';
    const values = [call.organizationId, project.id];
    const source = { select: selectKeys, table: 'api_keys', owned, shown, values };
    return loadPage(call.manager, source, query, (row: KeyRow) => projectKeyOf(row, project));
  }

  private async create(call: OrganizationCall): Promise<object> {
    const body = createApiKeyBody.parse(call.body);
    const expiry = expiryOf(body);
    const project = await loadActiveProject(call);
    const { id, value } = await this.issuer.issue(call, {
      ...body,
      ...expiry,
      scope: 'inference',
      projectId: project.id,
    });
    call.audit({ type: 'api_key.created', projectId: project.id, details: { id, data: body } });
    return { ...(await this.read(call, project, id)), value };
  }

  private async retrieve(call: OrganizationCall): Promise<object> {
    const project = await loadProject(call);
    return projectKeyOf(await loadKey(call, project, idOf(call, 'api_key_id')), project);
  }

  private async update(call: OrganizationCall): Promise<object> {
    const { scopes, ...change } = updateApiKeyBody.parse(call.body);
    refuseScopes(scopes);
    // An empty `scopes` asks for what is so already; it is no mistake.
    if (scopes === undefined) refuseEmptyChange(change, [...Object.keys(columns), 'expires_in_seconds'].join(', '));
    const project = await loadProject(call);
    const { id } = await lockUsableKey(call, project);
    const values: unknown[] = [id, call.organizationId];
    const assignments = assignmentsOf(columns, change, values);
    if (change.expires_in_seconds !== undefined) {
      values.push(change.expires_in_seconds);
      assignments.push(`expires_at = now() + $${values.length}::integer * interval '1 second'`);
    }
    if (assignments.length > 0) {
      const sql = `update api_keys set ${assignments.join(', ')} where id = $1 and organization_id = $2`;
      await call.manager.query(sql, values);
      call.audit({ type: 'api_key.updated', projectId: project.id, details: { id, changes_requested: change } });
      call.forgetKeys({ keyId: id });
    }
    return this.read(call, project, id);
  }

  private async rotate(call: OrganizationCall): Promise<object> {
    const body = rotateApiKeyBody.parse(call.body);
    const project = await loadActiveProject(call);
    const old = await lockUsableKey(call, project);
    if (old.rotated_to !== null) throw alreadyRotated(old.rotated_to);
    const { id, value } = await this.issuer.issue(call, {
      ...old,
      scope: 'inference',
      projectId: project.id,
      serviceAccountId: old.service_account_id,
      expiresInSeconds: body.expires_in_seconds,
      expiresAt: body.expires_in_seconds === undefined ? old.expires_at : null,
    });
    await replaceKey(call, old, { id, overlapSeconds: body.overlap_seconds });
    call.audit({
      type: 'api_key.created',
      projectId: project.id,
      details: { id, data: { name: old.name, rotated_from: old.id } },
    });
    call.audit({
      type: 'api_key.updated',
      projectId: project.id,
      details: { id: old.id, changes_requested: { rotated_to: id, overlap_seconds: body.overlap_seconds } },
    });
    call.forgetKeys({ keyId: old.id });
    return { ...(await this.read(call, project, id)), value };
  }

  private async delete(call: OrganizationCall): Promise<object> {
    const project = await loadProject(call);
    const { id } = await loadKey(call, project, idOf(call, 'api_key_id'));
    const sql = `update api_keys set revoked_at = coalesce(revoked_at, now()) where id = $1 and organization_id = $2`;
    await call.manager.query(sql, [id, call.organizationId]);
    call.audit({ type: 'api_key.deleted', projectId: project.id, details: { id } });
    call.forgetKeys({ keyId: id });
    return { object: 'organization.project.api_key.deleted', id, deleted: true };
  }

  private async read(call: OrganizationCall, project: OwnedProject, id: string) {
    return projectKeyOf(await loadKey(call, project, id), project);
  }
}

async function loadKey(call: OrganizationCall, project: OwnedProject, id: string, lock = ''): Promise<KeyRow> {
  const rows = await call.manager.query<KeyRow[]>(
    `${selectKeys} where ${owned} and t.revoked_at is null and t.id = $3 ${lock}`,
    [call.organizationId, project.id, id],
  );
  const [row] = rows;
  if (!row) throw notFound('api_key_id', 'such API key');
  return row;
}

/** Locked, so that of two rotations at once the second sees the first. */
async function lockUsableKey(call: OrganizationCall, project: OwnedProject): Promise<KeyRow> {
  const row = await loadKey(call, project, idOf(call, 'api_key_id'), 'for update of t');
  if (row.expires_at === null || row.expires_at.getTime() > Date.now()) return row;
  throw new GatewayError('bad_request', 'This API key has expired and cannot be changed. Make a new key.', {
    param: 'api_key_id',
  });
}

/**
 * All keys that the old one replaced name the new one too: budgets and limits of a chain are those of its newest key.
 * The budgets move with what was spent of them, else a rotation would fill them up again.
 */
async function replaceKey(
  call: OrganizationCall,
  old: KeyRow,
  by: { readonly id: string; readonly overlapSeconds: number },
): Promise<void> {
  await call.manager.query(
    `update api_keys set rotated_to = $3,
       expires_at = case when id = $4 then least(expires_at, now() + $5::integer * interval '1 second') else expires_at end
     where organization_id = $1 and project_id = $2 and (id = $4 or rotated_to = $4)`,
    [call.organizationId, old.project_id, by.id, old.id, by.overlapSeconds],
  );
  await call.manager.query(
    `update budgets set scope_id = $2
     where organization_id = $1 and scope = 'key' and scope_id = $3 and deleted_at is null`,
    [call.organizationId, by.id, old.id],
  );
}

function alreadyRotated(newId: string): GatewayError {
  const message = `This API key was rotated to ${newId} before. Rotate that key, or delete it and make a new one.`;
  return new GatewayError('conflict', message, { param: 'api_key_id' });
}
