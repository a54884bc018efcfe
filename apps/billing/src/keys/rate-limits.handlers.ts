import { Injectable } from '@nestjs/common';
import {
  createRateLimitBody,
  GatewayError,
  listRateLimitsQuery,
  unsupportedRateLimits,
  updateRateLimitBody,
} from '#libs/contracts';
import type { HandlerGroup, OrganizationCall } from '../organization/handler-group.js';
import { assignmentsOf, refuseEmptyChange } from './key-requests.js';
import { idOf, loadActiveProject, loadProject, newId, notFound, type OwnedProject } from './owned-rows.js';
import { loadPage } from './row-page.js';

interface LimitRow {
  readonly id: string;
  readonly model: string | null;
  readonly requests_per_minute: number | null;
  readonly tokens_per_minute: number | null;
  readonly max_concurrency: number | null;
}

const select = `select t.id, t.model, t.requests_per_minute, t.tokens_per_minute, t.max_concurrency from rate_limits t`;
const owned = `t.organization_id = $1 and t.project_id = $2`;

const columns = {
  max_requests_per_1_minute: 'requests_per_minute',
  max_tokens_per_1_minute: 'tokens_per_minute',
  max_concurrency: 'max_concurrency',
} as const;

/** Limits that all keys of a project share. */
@Injectable()
export class RateLimitsHandlers implements HandlerGroup {
  readonly handlers = {
    'projects.rate_limits.list': (call: OrganizationCall) => this.list(call),
    'projects.rate_limits.create': (call: OrganizationCall) => this.create(call),
    'projects.rate_limits.update': (call: OrganizationCall) => this.update(call),
    'projects.rate_limits.delete': (call: OrganizationCall) => this.delete(call),
  };

  private async list(call: OrganizationCall): Promise<object> {
    const query = listRateLimitsQuery.parse(call.query);
    const project = await loadProject(call);
    const source = { select, table: 'rate_limits', owned, values: [call.organizationId, project.id] };
    return loadPage(call.manager, source, query, limitOf);
  }

  private async create(call: OrganizationCall): Promise<object> {
    const { model, ...limits } = createRateLimitBody.parse(call.body);
    refuseEmptyChange(limits, Object.keys(columns).join(', '));
    const project = await loadActiveProject(call);
    const id = newId('rl');
    const rows = await call.manager.query<{ id: string }[]>(
      `insert into rate_limits (id, organization_id, project_id, model,
         requests_per_minute, tokens_per_minute, max_concurrency)
       values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning id`,
      [
        id,
        call.organizationId,
        project.id,
        model,
        limits.max_requests_per_1_minute ?? null,
        limits.max_tokens_per_1_minute ?? null,
        limits.max_concurrency ?? null,
      ],
    );
    if (rows.length === 0) throw existsAlready();
    changed(call, project, { type: 'rate_limit.created', details: { id, data: { model, ...limits } } });
    return limitOf(await loadLimit(call, project, id));
  }

  private async update(call: OrganizationCall): Promise<object> {
    const change: Readonly<Record<string, unknown>> = updateRateLimitBody.parse(call.body);
    const unsupported = unsupportedRateLimits.find((name) => change[name] !== undefined);
    if (unsupported !== undefined) throw notSupported(unsupported);
    refuseEmptyChange(change, Object.keys(columns).join(', '));
    const project = await loadProject(call);
    const { id } = await loadLimit(call, project, idOf(call, 'rate_limit_id'));
    const values: unknown[] = [id, call.organizationId];
    const assignments = assignmentsOf(columns, change, values);
    const sql = `update rate_limits set ${assignments.join(', ')} where id = $1 and organization_id = $2`;
    await call.manager.query(sql, values);
    changed(call, project, { type: 'rate_limit.updated', details: { id, changes_requested: change } });
    return limitOf(await loadLimit(call, project, id));
  }

  private async delete(call: OrganizationCall): Promise<object> {
    const project = await loadProject(call);
    const { id } = await loadLimit(call, project, idOf(call, 'rate_limit_id'));
    await call.manager.query(`delete from rate_limits where id = $1 and organization_id = $2`, [
      id,
      call.organizationId,
    ]);
    changed(call, project, { type: 'rate_limit.deleted', details: { id } });
    return { object: 'project.rate_limit.deleted', id, deleted: true };
  }
}

/** SDK type `ProjectRateLimit`; null where a number does not limit, or where all models are meant. */
function limitOf(row: LimitRow) {
  return {
    object: 'project.rate_limit' as const,
    id: row.id,
    model: row.model,
    max_requests_per_1_minute: row.requests_per_minute,
    max_tokens_per_1_minute: row.tokens_per_minute,
    max_concurrency: row.max_concurrency,
  };
}

async function loadLimit(call: OrganizationCall, project: OwnedProject, id: string): Promise<LimitRow> {
  const rows = await call.manager.query<LimitRow[]>(`${select} where ${owned} and t.id = $3`, [
    call.organizationId,
    project.id,
    id,
  ]);
  const [row] = rows;
  if (!row) throw notFound('rate_limit_id', 'such rate limit');
  return row;
}

/** Every key of the project carries its limits, and a project is forgotten by its organization. */
function changed(call: OrganizationCall, project: OwnedProject, entry: { type: string; details: object }): void {
  call.audit({ ...entry, projectId: project.id });
  call.forgetKeys({ organizationId: call.organizationId });
}

function existsAlready(): GatewayError {
  const message = 'The project has a rate limit for this model already. List the rate limits, and update that one.';
  return new GatewayError('conflict', message, { param: 'model' });
}

function notSupported(name: string): GatewayError {
  const message = `\`${name}\` is not supported. Use max_requests_per_1_minute, max_tokens_per_1_minute or max_concurrency.`;
  return new GatewayError('unsupported_parameter', message, { param: name });
}
