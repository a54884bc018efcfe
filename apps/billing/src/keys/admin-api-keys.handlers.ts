import { Injectable } from '@nestjs/common';
import { createAdminApiKeyBody, GatewayError, listQuery } from '#libs/contracts';
import type { HandlerGroup, OrganizationCall } from '../organization/handler-group.js';
import { KeyIssuer } from './key-issuer.js';
import { adminKeyOf, type KeyRow, selectKeys } from './key-row.js';
import { idOf, notFound } from './owned-rows.js';
import { loadPage } from './row-page.js';

const owned = `t.organization_id = $1 and t.scope = 'admin'`;

/** Keys that manage the organization. None that is made here may move money. */
@Injectable()
export class AdminApiKeysHandlers implements HandlerGroup {
  readonly handlers = {
    'admin_api_keys.list': (call: OrganizationCall) => this.list(call),
    'admin_api_keys.create': (call: OrganizationCall) => this.create(call),
    'admin_api_keys.retrieve': async (call: OrganizationCall) => adminKeyOf(await loadKey(call, idOf(call, 'key_id'))),
    'admin_api_keys.delete': (call: OrganizationCall) => this.delete(call),
  };

  constructor(private readonly issuer: KeyIssuer) {}

  private list(call: OrganizationCall): Promise<object> {
    const shown = 't.revoked_at is null';
    const source = { select: selectKeys, table: 'api_keys', owned, shown, values: [call.organizationId] };
    return loadPage(call.manager, source, listQuery.parse(call.query), adminKeyOf);
  }

  private async create(call: OrganizationCall): Promise<object> {
    const { name, expires_in_seconds: expiresInSeconds } = createAdminApiKeyBody.parse(call.body);
    const projectId = await loadHome(call);
    const { id, value } = await this.issuer.issue(call, { scope: 'admin', projectId, name, expiresInSeconds });
    call.audit({ type: 'api_key.created', details: { id, data: { name, scope: 'admin' } } });
    return { ...adminKeyOf(await loadKey(call, id)), value };
  }

  private async delete(call: OrganizationCall): Promise<object> {
    const id = idOf(call, 'key_id');
    // All of them, in one order: of two keys that delete each other at once, one stays.
    const usable = await call.manager.query<{ id: string; operator: boolean; expired: boolean }[]>(
      `select t.id, t.operator, coalesce(t.expires_at <= now(), false) as expired
       from api_keys t where ${owned} and t.revoked_at is null order by t.id for update`,
      [call.organizationId],
    );
    const key = usable.find((row) => row.id === id);
    if (!key) throw notFound('key_id', 'such admin key');
    if (id === call.caller.keyId) throw refused('An admin key cannot delete itself. Make the call with another one.');
    if (key.operator && !call.caller.operator) throw notYours();
    if (!key.expired && !usable.some((row) => row.id !== id && !row.expired)) {
      throw refused('This is the last admin key of the organization. Make another one first, then delete this one.');
    }
    await call.manager.query(`update api_keys set revoked_at = now() where id = $1 and organization_id = $2`, [
      id,
      call.organizationId,
    ]);
    call.audit({ type: 'api_key.deleted', details: { id } });
    call.forgetKeys({ keyId: id });
    return { object: 'organization.admin_api_key.deleted', id, deleted: true };
  }
}

async function loadKey(call: OrganizationCall, id: string): Promise<KeyRow> {
  const rows = await call.manager.query<KeyRow[]>(
    `${selectKeys} where ${owned} and t.revoked_at is null and t.id = $2`,
    [call.organizationId, id],
  );
  const [row] = rows;
  if (!row) throw notFound('key_id', 'such admin key');
  return row;
}

/** Every key is in a project; an admin key speaks for all of them, so its own is the organization's first. */
async function loadHome(call: OrganizationCall): Promise<string> {
  const rows = await call.manager.query<{ id: string }[]>(
    `select id from projects where organization_id = $1 order by created_at, id limit 1`,
    [call.organizationId],
  );
  const [row] = rows;
  if (!row) throw new GatewayError('bad_request', 'This organization has no project yet. Make one first.');
  return row.id;
}

function refused(message: string): GatewayError {
  return new GatewayError('bad_request', message, { param: 'key_id' });
}

function notYours(): GatewayError {
  return new GatewayError('insufficient_scope', 'Only an operator key can delete an operator key. Ask the operator.', {
    param: 'key_id',
  });
}
