import { randomBytes } from 'node:crypto';
import { GatewayError, objectId } from '#libs/contracts';
import type { OrganizationCall } from '../organization/handler-group.js';

/** A project that the call may touch. */
export interface OwnedProject {
  readonly id: string;
  readonly archivedAt: Date | null;
}

/** `svc_acct_…`, `rl_…`: 96 random bits. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

/** The id that a route names. What cannot be an id does not exist either. */
export function idOf(call: OrganizationCall, param: string): string {
  const id = objectId.safeParse(call.params[param]);
  if (!id.success) throw notFound(param, 'such object');
  return id.data;
}

/** Of another organization or of none: the same answer, so that ids cannot be probed. */
export function notFound(param: string, what: string): GatewayError {
  return new GatewayError('not_found', `There is no ${what} in this organization. Check the id, or list them.`, {
    param,
  });
}

export async function loadProject(call: OrganizationCall): Promise<OwnedProject> {
  const id = idOf(call, 'project_id');
  const rows = await call.manager.query<{ archived_at: Date | null }[]>(
    `select archived_at from projects where id = $1 and organization_id = $2`,
    [id, call.organizationId],
  );
  const [row] = rows;
  if (!row) throw notFound('project_id', 'such project');
  return { id, archivedAt: row.archived_at };
}

/** A project that still takes new things. */
export async function loadActiveProject(call: OrganizationCall): Promise<OwnedProject> {
  const project = await loadProject(call);
  if (project.archivedAt === null) return project;
  throw new GatewayError('bad_request', 'This project is archived. Use another project, or make one.', {
    param: 'project_id',
  });
}

/** OpenAI writes times as whole seconds. */
export function unixSeconds(date: Date): number;
export function unixSeconds(date: Date | null): number | null;
export function unixSeconds(date: Date | null): number | null {
  return date && Math.floor(date.getTime() / 1_000);
}
