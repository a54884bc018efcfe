import { Injectable } from '@nestjs/common';
import {
  type CreatedOrganization,
  GatewayError,
  type ListPage,
  listQuery,
  organizationCreateBody,
  type OrganizationObject,
  organizationUpdateBody,
} from '#libs/contracts';
import { KeyIssuer } from '../keys/key-issuer.js';
import { newId, unixSeconds } from '../keys/owned-rows.js';
import { loadPage } from '../keys/row-page.js';
import type { HandlerGroup, OrganizationCall } from './handler-group.js';

interface OrganizationRow {
  readonly id: string;
  readonly name: string;
  readonly billing_mode: OrganizationObject['mode'];
  readonly created_at: Date;
  readonly disabled_at: Date | null;
}

const columns = 'id, name, billing_mode, created_at, disabled_at';

/** For whoever runs the gateway: its customers. */
@Injectable()
export class OrganizationsHandlers implements HandlerGroup {
  readonly handlers = {
    'organizations.list': list,
    'organizations.create': (call: OrganizationCall) => this.create(call),
    'organizations.retrieve': async (call: OrganizationCall) => organizationOf(await load(call)),
    'organizations.update': update,
  };

  constructor(private readonly issuer: KeyIssuer) {}

  /** With all that it needs to go on alone: a project, and an admin key that is no operator's. */
  private async create(call: OrganizationCall): Promise<CreatedOrganization> {
    const { name, mode } = organizationCreateBody.parse(call.body);
    const { manager } = call;
    const [id, projectId] = [newId('org'), newId('proj')];
    const [row] = await manager.query<[OrganizationRow]>(
      `insert into organizations (id, name, billing_mode) values ($1, $2, $3) returning ${columns}`,
      [id, name, mode],
    );
    await manager.query(`insert into projects (id, organization_id, name) values ($1, $2, 'Default')`, [projectId, id]);
    const request = { scope: 'admin', projectId, name: 'first admin key' } as const;
    const key = await this.issuer.issue({ ...call, organizationId: id }, request);
    const inside = { organizationId: id };
    call.audit({ ...inside, type: 'organization.created', details: { id, data: { name, mode } } });
    call.audit({
      ...inside,
      type: 'project.created',
      projectId,
      details: { id: projectId, data: { name: 'Default' } },
    });
    call.audit({ ...inside, type: 'api_key.created', details: { id: key.id, data: { scope: 'admin' } } });
    return { ...organizationOf(row), default_project_id: projectId, admin_api_key: key };
  }
}

function list(call: OrganizationCall): Promise<ListPage<OrganizationObject>> {
  const source = { select: 'select t.* from organizations t', table: 'organizations', owned: 'true', values: [] };
  return loadPage<OrganizationRow, OrganizationObject>(
    call.manager,
    source,
    listQuery.parse(call.query),
    organizationOf,
  );
}

async function update(call: OrganizationCall): Promise<OrganizationObject> {
  const body = organizationUpdateBody.parse(call.body);
  const before = await load(call, 'for update');
  const id = before.id;
  if (body.disabled === true && id === call.caller.organizationId) {
    const message = 'Your own key would be refused from then on, and nobody could enable this organization again.';
    throw new GatewayError('invalid_value', message, { param: 'disabled' });
  }
  const [rows] = await call.manager.query<[OrganizationRow[], number]>(
    `update organizations set name = coalesce($2, name),
       disabled_at = case when $3::boolean then coalesce(disabled_at, now()) when not $3 then null else disabled_at end
     where id = $1 returning ${columns}`,
    [id, body.name ?? null, body.disabled ?? null],
  );
  call.audit({ organizationId: id, type: 'organization.updated', details: { id, changes_requested: body } });
  if (body.disabled !== undefined) call.forgetKeys({ organizationId: id });
  const [row] = rows;
  return organizationOf(row ?? before);
}

async function load(call: OrganizationCall, lock: '' | 'for update' = ''): Promise<OrganizationRow> {
  const [row] = await call.manager.query<OrganizationRow[]>(
    `select ${columns} from organizations where id = $1 ${lock}`,
    [call.params['organization_id']],
  );
  if (!row) throw new GatewayError('not_found', noSuchOrganization);
  return row;
}

const noSuchOrganization = 'There is no such organization. Check the id, or GET /v1/organizations.';

function organizationOf(row: OrganizationRow): OrganizationObject {
  return {
    id: row.id,
    object: 'organization',
    name: row.name,
    mode: row.billing_mode,
    created_at: unixSeconds(row.created_at),
    disabled_at: unixSeconds(row.disabled_at),
  };
}
