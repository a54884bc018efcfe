import { Injectable } from '@nestjs/common';
import {
  budgetCreateBody,
  type BudgetObject,
  budgetUpdateBody,
  GatewayError,
  type ListPage,
  listQuery,
} from '#libs/contracts';
import { newId, unixSeconds } from '../keys/owned-rows.js';
import { loadPage } from '../keys/row-page.js';
import { noSuchObject } from './call-validation.js';
import type { HandlerGroup, OrganizationCall } from './handler-group.js';

interface BudgetRow {
  readonly id: string;
  readonly scope: 'organization' | 'project' | 'key';
  readonly scope_id: string;
  readonly period: BudgetObject['period'];
  readonly amount_nanos: string;
  readonly held_nanos: string;
  readonly spent_nanos: string;
  readonly created_at: Date;
}

/** Windows are made when first used: none yet means nothing held, nothing spent. */
const selectBudgets = `
  select t.*, coalesce(w.held_nanos, 0) as held_nanos, coalesce(w.spent_nanos, 0) as spent_nanos
  from budgets t
  left join budget_windows w on w.budget_id = t.id and w.starts_at = budget_window_start(t.period)`;

/** Where the id of a budget's scope must be found. */
const scopeTables = { organization: 'organizations', project: 'projects', api_key: 'api_keys' } as const;

/** Ceilings of what may be spent. Whoever makes one makes every call that it covers need a hold. */
@Injectable()
export class BudgetsHandlers implements HandlerGroup {
  readonly handlers = {
    'budgets.list': list,
    'budgets.create': create,
    'budgets.retrieve': async (call: OrganizationCall) => budgetOf(await load(call)),
    'budgets.update': update,
    'budgets.delete': remove,
  };
}

function list(call: OrganizationCall): Promise<ListPage<BudgetObject>> {
  const source = {
    select: selectBudgets,
    table: 'budgets',
    owned: 't.organization_id = $1',
    shown: 't.deleted_at is null',
    values: [call.organizationId],
  };
  return loadPage<BudgetRow, BudgetObject>(call.manager, source, listQuery.parse(call.query), budgetOf);
}

async function create(call: OrganizationCall): Promise<BudgetObject> {
  const body = budgetCreateBody.parse(call.body);
  const { scope, period, amount_nano_usd: amount, scope_id: scopeId = call.organizationId } = body;
  const projectId = await checkScope(call, scope, scopeId);
  const id = newId('budget');
  const stored = scope === 'api_key' ? 'key' : scope;
  const rows = await call.manager.query<unknown[]>(
    `insert into budgets (id, organization_id, scope, scope_id, period, amount_nanos) values ($1, $2, $3, $4, $5, $6)
     on conflict (scope_id, period) where deleted_at is null do nothing returning id`,
    [id, call.organizationId, stored, scopeId, period, amount],
  );
  if (rows.length === 0) throw await alreadyThere(call, scopeId, period);
  const data = { scope, scope_id: scopeId, period, amount_nano_usd: amount };
  recordChange(call, 'budget.created', projectId, { id, data });
  return budgetOf(await load(call, id));
}

async function update(call: OrganizationCall): Promise<BudgetObject> {
  const { amount_nano_usd: amount } = budgetUpdateBody.parse(call.body);
  const { id, scope, scope_id: scopeId } = await load(call);
  const [, changed] = await call.manager.query<[unknown[], number]>(
    `update budgets set amount_nanos = $3 where id = $1 and organization_id = $2 and deleted_at is null`,
    [id, call.organizationId, amount],
  );
  if (changed === 0) throw noSuchObject('budget');
  const details = { id, changes_requested: { amount_nano_usd: amount } };
  recordChange(call, 'budget.updated', scope === 'project' ? scopeId : undefined, details);
  return budgetOf(await load(call));
}

async function remove(call: OrganizationCall): Promise<object> {
  const { id, scope, scope_id: scopeId } = await load(call);
  const [, changed] = await call.manager.query<[unknown[], number]>(
    `update budgets set deleted_at = now() where id = $1 and organization_id = $2 and deleted_at is null`,
    [id, call.organizationId],
  );
  if (changed === 0) throw noSuchObject('budget');
  recordChange(call, 'budget.deleted', scope === 'project' ? scopeId : undefined, { id });
  return { id, object: 'organization.budget.deleted', deleted: true };
}

/** The project that it belongs to, for the log. */
async function checkScope(
  call: OrganizationCall,
  scope: BudgetObject['scope'],
  scopeId: string,
): Promise<string | undefined> {
  const owner = scope === 'organization' ? 'id' : 'organization_id';
  const rows = await call.manager.query<unknown[]>(
    `select from ${scopeTables[scope]} where id = $1 and ${owner} = $2`,
    [scopeId, call.organizationId],
  );
  if (rows.length === 0) throw noSuchObject(scope === 'api_key' ? 'API key' : scope, 'scope_id');
  return scope === 'project' ? scopeId : undefined;
}

async function alreadyThere(call: OrganizationCall, scopeId: string, period: string): Promise<GatewayError> {
  const [row] = await call.manager.query<{ id: string }[]>(
    `select id from budgets where scope_id = $1 and period = $2 and organization_id = $3 and deleted_at is null`,
    [scopeId, period, call.organizationId],
  );
  const message = `There is a budget for this scope and period already: ${row?.id ?? 'it was just deleted, retry'}. Change its amount, or delete it first.`;
  return new GatewayError('conflict', message, { param: 'period' });
}

function recordChange(call: OrganizationCall, type: string, projectId: string | undefined, details: object): void {
  call.audit({ type, ...(projectId !== undefined && { projectId }), details });
  // Under a budget every call needs a hold, and only ingress knows who does.
  call.forgetKeys({ organizationId: call.organizationId });
}

async function load(call: OrganizationCall, id = call.params['budget_id']): Promise<BudgetRow> {
  const [row] = await call.manager.query<BudgetRow[]>(
    `${selectBudgets} where t.id = $1 and t.organization_id = $2 and t.deleted_at is null`,
    [id, call.organizationId],
  );
  if (!row) throw noSuchObject('budget');
  return row;
}

function budgetOf(row: BudgetRow): BudgetObject {
  return {
    id: row.id,
    object: 'organization.budget',
    scope: row.scope === 'key' ? 'api_key' : row.scope,
    scope_id: row.scope_id,
    period: row.period,
    amount_nano_usd: row.amount_nanos,
    held_nano_usd: row.held_nanos,
    spent_nano_usd: row.spent_nanos,
    created_at: unixSeconds(row.created_at),
  };
}
