import { Injectable } from '@nestjs/common';
import { type AuditLogListQuery, auditLogListQuery, type AuditLogObject, GatewayError } from '#libs/contracts';
import { unixSeconds } from '../keys/owned-rows.js';
import { pageOf } from '../keys/row-page.js';
import type { HandlerGroup, OrganizationCall } from './handler-group.js';

interface AuditLogRow {
  readonly id: string;
  readonly type: string;
  readonly actor_key_id: string;
  readonly project_id: string | null;
  readonly project_name: string | null;
  readonly details: object;
  readonly created_at: Date;
}

/** Filters of the query, as SQL; `$n` is the value. */
const filters = {
  'event_types[]': 't.type = any($n)',
  'project_ids[]': 't.project_id = any($n)',
  'actor_ids[]': 't.actor_key_id = any($n)',
  // Whole seconds, as the answers show them.
  'effective_at[gt]': 't.created_at >= to_timestamp($n::bigint + 1)',
  'effective_at[gte]': 't.created_at >= to_timestamp($n::bigint)',
  'effective_at[lt]': 't.created_at < to_timestamp($n::bigint)',
  'effective_at[lte]': 't.created_at < to_timestamp($n::bigint + 1)',
} as const satisfies Partial<Record<keyof AuditLogListQuery, string>>;

/** Who changed what, newest first. */
@Injectable()
export class AuditLogsHandlers implements HandlerGroup {
  readonly handlers = { 'audit_logs.list': list };
}

async function list(call: OrganizationCall): Promise<object> {
  const query = auditLogListQuery.parse(call.query);
  const values: unknown[] = [call.organizationId];
  const conditions = ['t.organization_id = $1'];
  const add = (condition: string, value: unknown): void => {
    values.push(value);
    conditions.push(condition.replaceAll('$n', `$${values.length}`));
  };
  for (const [name, condition] of Object.entries(filters)) {
    const value = query[name as keyof typeof filters];
    if (value !== undefined) add(condition, value);
  }
  // The page before is read backwards, from the cursor up.
  const isBefore = query.before !== undefined;
  const cursor = query.before ?? query.after;
  if (cursor !== undefined) {
    const param = isBefore ? 'before' : 'after';
    add(`t.sequence ${isBefore ? '>' : '<'} $n`, await sequenceOf(call, cursor, param));
  }
  values.push(query.limit + 1);
  const found = await call.manager.query<AuditLogRow[]>(
    `select t.*, p.name as project_name from audit_logs t left join projects p on p.id = t.project_id
     where ${conditions.join(' and ')} order by t.sequence ${isBefore ? 'asc' : 'desc'} limit $${values.length}`,
    values,
  );
  const rows = found.slice(0, query.limit);
  if (isBefore) rows.reverse();
  return pageOf(rows.map(auditLogOf), found.length > query.limit);
}

async function sequenceOf(call: OrganizationCall, id: string, param: 'after' | 'before'): Promise<string> {
  const [row] = await call.manager.query<{ sequence: string }[]>(
    `select sequence from audit_logs where id = $1 and organization_id = $2`,
    [id, call.organizationId],
  );
  if (row) return row.sequence;
  const message = `\`${param}\` names no entry of this log. Use the \`last_id\` of the page before, or leave it out.`;
  throw new GatewayError('invalid_value', message, { param });
}

function auditLogOf(row: AuditLogRow): AuditLogObject {
  return {
    id: row.id,
    type: row.type,
    effective_at: unixSeconds(row.created_at),
    actor: { type: 'api_key', api_key: { id: row.actor_key_id, type: 'user' } },
    ...(row.project_id !== null && { project: { id: row.project_id, name: row.project_name ?? '' } }),
    [row.type]: row.details,
  };
}
