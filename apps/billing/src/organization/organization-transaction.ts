import { randomBytes } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import { GatewayError, type OrganizationCallHead, type OrganizationRoute } from '#libs/contracts';
import type { CheckedParameters } from './call-validation.js';
import type { AuditEntry, OrganizationCall } from './handler-group.js';
import type { BoundRoute } from './handler-table.js';

/** A question that takes longer was asked too widely; meanwhile it would hold a connection that money needs. */
const statementTimeoutMs = 2_000;

/** Payload of `keyChangedSubject`. */
export type ChangedKeys = Parameters<OrganizationCall['forgetKeys']>[0];

/** What a committed call leaves to do. */
export interface Committed {
  readonly answer: object;
  readonly changedKeys: readonly ChangedKeys[];
}

/** Runs a handler in one transaction, with the audit log; commits when the handler resolves. */
export async function runInTransaction(
  dataSource: DataSource,
  { route, handler }: BoundRoute,
  head: OrganizationCallHead,
  parameters: CheckedParameters,
): Promise<Committed> {
  const { caller, organizationId } = head;
  return dataSource.transaction('READ COMMITTED', async (manager) => {
    await enter(manager, route, head);
    const entries: AuditEntry[] = [];
    const changedKeys: ChangedKeys[] = [];
    const answer = await handler({
      ...parameters,
      caller,
      organizationId,
      manager,
      audit: (entry) => void entries.push(entry),
      forgetKeys: (which) => void changedKeys.push(which),
    });
    for (const entry of entries) await writeAuditEntry(manager, entry, head);
    return { answer, changedKeys };
  });
}

/**
 * From here to its end the transaction is bound: an admin's to the rows of one organization, a GET to reading.
 * All of it is local to the transaction, so the connection goes back to the pool as it was.
 */
async function enter(manager: EntityManager, route: OrganizationRoute, head: OrganizationCallHead): Promise<void> {
  const settings: Record<string, string> = {
    'app.organization': head.organizationId,
    statement_timeout: String(statementTimeoutMs),
    ...(route.method === 'GET' && { transaction_read_only: 'on' }),
    ...(route.access === 'admin' && { role: 'modapi_api' }),
  };
  const names = Object.keys(settings);
  const list = names.map((name, index) => `set_config('${name}', $${index + 1}, true)`).join(', ');
  await manager.query(`select ${list}`, Object.values(settings));
  if (head.organizationId !== head.caller.organizationId) await checkOrganization(manager, head.organizationId);
}

/** An operator names the organization by a header, which may be misspelt. */
async function checkOrganization(manager: EntityManager, organizationId: string): Promise<void> {
  const rows = await manager.query<unknown[]>(`select from organizations where id = $1`, [organizationId]);
  if (rows.length > 0) return;
  const message = 'There is no such organization. Check the OpenAI-Organization header, or GET /v1/organizations.';
  throw new GatewayError('not_found', message, { param: 'OpenAI-Organization' });
}

/** Last in the transaction: from its first entry on, it is the only writer of that organization's log. */
async function writeAuditEntry(manager: EntityManager, entry: AuditEntry, head: OrganizationCallHead): Promise<void> {
  await manager.query(
    `insert into audit_logs (id, organization_id, type, actor_key_id, project_id, details) values ($1, $2, $3, $4, $5, $6)`,
    [
      `audit_log_${randomBytes(12).toString('hex')}`,
      entry.organizationId ?? head.organizationId,
      entry.type,
      head.caller.keyId,
      entry.projectId ?? null,
      JSON.stringify(entry.details),
    ],
  );
}
