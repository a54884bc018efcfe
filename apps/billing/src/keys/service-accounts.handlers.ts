import { Injectable } from '@nestjs/common';
import {
  createServiceAccountBody,
  createServiceAccountKeyBody,
  GatewayError,
  listQuery,
  updateServiceAccountBody,
} from '#libs/contracts';
import type { HandlerGroup, OrganizationCall } from '../organization/handler-group.js';
import { KeyIssuer, type NewKey } from './key-issuer.js';
import { assignmentsOf, refuseEmptyChange, refuseScopes } from './key-requests.js';
import { idOf, loadActiveProject, loadProject, newId, notFound, type OwnedProject, unixSeconds } from './owned-rows.js';
import { loadPage } from './row-page.js';

interface AccountRow {
  readonly id: string;
  readonly name: string;
  readonly role: 'member' | 'owner';
  readonly created_at: Date;
}

const select = `select t.id, t.name, t.role, t.created_at from service_accounts t`;
const owned = `t.organization_id = $1 and t.project_id = $2`;

/** Owners of keys that are no person. */
@Injectable()
export class ServiceAccountsHandlers implements HandlerGroup {
  readonly handlers = {
    'projects.service_accounts.list': (call: OrganizationCall) => this.list(call),
    'projects.service_accounts.create': (call: OrganizationCall) => this.create(call),
    'projects.service_accounts.retrieve': (call: OrganizationCall) => this.retrieve(call),
    'projects.service_accounts.update': (call: OrganizationCall) => this.update(call),
    'projects.service_accounts.delete': (call: OrganizationCall) => this.delete(call),
    'projects.service_accounts.api_keys.create': (call: OrganizationCall) => this.createKey(call),
  };

  constructor(private readonly issuer: KeyIssuer) {}

  private async list(call: OrganizationCall): Promise<object> {
    const query = listQuery.parse(call.query);
    const project = await loadProject(call);
    const values = [call.organizationId, project.id];
    const source = { select, table: 'service_accounts', owned, shown: 't.deleted_at is null', values };
    return loadPage(call.manager, source, query, accountOf);
  }

  private async create(call: OrganizationCall): Promise<object> {
    const body = createServiceAccountBody.parse(call.body);
    const alone = body.create_service_account_only === true;
    if (alone && typeof body.expires_in_seconds === 'number') throw expiryOfNoKey();
    const project = await loadActiveProject(call);
    const id = newId('svc_acct');
    await call.manager.query(
      `insert into service_accounts (id, organization_id, project_id, name) values ($1, $2, $3, $4)`,
      [id, call.organizationId, project.id, body.name],
    );
    const account = await loadAccount(call, project, id);
    call.audit({
      type: 'service_account.created',
      projectId: project.id,
      details: { id, data: { name: account.name, role: account.role } },
    });
    const key = { name: body.name, expiresInSeconds: body.expires_in_seconds };
    return { ...accountOf(account), api_key: alone ? null : await this.issue(call, project, { ...key, id }) };
  }

  private async retrieve(call: OrganizationCall): Promise<object> {
    const project = await loadProject(call);
    return accountOf(await loadAccount(call, project, idOf(call, 'service_account_id')));
  }

  private async update(call: OrganizationCall): Promise<object> {
    const change = updateServiceAccountBody.parse(call.body);
    refuseEmptyChange(change, 'name, role');
    const project = await loadProject(call);
    const { id } = await loadAccount(call, project, idOf(call, 'service_account_id'));
    const values: unknown[] = [id, call.organizationId];
    const assignments = assignmentsOf({ name: 'name', role: 'role' }, change, values);
    await call.manager.query(
      `update service_accounts set ${assignments.join(', ')} where id = $1 and organization_id = $2`,
      values,
    );
    call.audit({ type: 'service_account.updated', projectId: project.id, details: { id, changes_requested: change } });
    return accountOf(await loadAccount(call, project, id));
  }

  private async delete(call: OrganizationCall): Promise<object> {
    const project = await loadProject(call);
    const { id } = await loadAccount(call, project, idOf(call, 'service_account_id'));
    const values = [id, call.organizationId];
    await call.manager.query(
      `update service_accounts set deleted_at = now() where id = $1 and organization_id = $2`,
      values,
    );
    await call.manager.query(
      `update api_keys set revoked_at = now()
       where service_account_id = $1 and organization_id = $2 and revoked_at is null`,
      values,
    );
    call.audit({ type: 'service_account.deleted', projectId: project.id, details: { id } });
    // One broadcast, however many keys it had.
    call.forgetKeys({ organizationId: call.organizationId });
    return { object: 'organization.project.service_account.deleted', id, deleted: true };
  }

  private async createKey(call: OrganizationCall): Promise<object> {
    const { scopes, expires_in_seconds: expiresInSeconds, ...body } = createServiceAccountKeyBody.parse(call.body);
    refuseScopes(scopes);
    const project = await loadActiveProject(call);
    const account = await loadAccount(call, project, idOf(call, 'service_account_id'), 'for share');
    return this.issue(call, project, { ...body, name: body.name ?? account.name, expiresInSeconds, id: account.id });
  }

  private async issue(
    call: OrganizationCall,
    project: OwnedProject,
    wanted: Omit<NewKey, 'scope' | 'projectId'> & { readonly id: string },
  ): Promise<object> {
    const { id: serviceAccountId, ...key } = wanted;
    const { id, value } = await this.issuer.issue(call, {
      ...key,
      scope: 'inference',
      projectId: project.id,
      serviceAccountId,
    });
    const rows = await call.manager.query<{ created_at: Date; expires_at: Date | null }[]>(
      `select created_at, expires_at from api_keys where id = $1 and organization_id = $2`,
      [id, call.organizationId],
    );
    const [row] = rows;
    if (!row) throw new TypeError('a key that was just made is not there');
    const data = { ...key, service_account_id: serviceAccountId };
    call.audit({ type: 'api_key.created', projectId: project.id, details: { id, data } });
    return {
      object: 'organization.project.service_account.api_key',
      id,
      value,
      name: key.name,
      created_at: unixSeconds(row.created_at),
      expires_at: unixSeconds(row.expires_at),
    };
  }
}

function accountOf(row: AccountRow) {
  return {
    object: 'organization.project.service_account' as const,
    id: row.id,
    name: row.name,
    role: row.role,
    created_at: unixSeconds(row.created_at),
  };
}

async function loadAccount(
  call: OrganizationCall,
  project: OwnedProject,
  id: string,
  lock: '' | 'for share' = '',
): Promise<AccountRow> {
  const rows = await call.manager.query<AccountRow[]>(
    `${select} where ${owned} and t.deleted_at is null and t.id = $3 ${lock}`,
    [call.organizationId, project.id, id],
  );
  const [row] = rows;
  if (!row) throw notFound('service_account_id', 'such service account');
  return row;
}

function expiryOfNoKey(): GatewayError {
  const message = '`expires_in_seconds` is the life of a key, and `create_service_account_only` asks for none.';
  return new GatewayError('invalid_value', `${message} Leave one of them out.`, { param: 'expires_in_seconds' });
}
