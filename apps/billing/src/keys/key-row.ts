import { unixSeconds, type OwnedProject } from './owned-rows.js';

/** A key as the management API reads it: without its digest. */
export interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly last4: string;
  readonly operator: boolean;
  readonly project_id: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly models: string[] | null;
  readonly ip_allow_list: string[] | null;
  readonly requests_per_minute: number | null;
  readonly tokens_per_minute: number | null;
  readonly max_concurrency: number | null;
  readonly rotated_to: string | null;
  readonly created_by: string | null;
  readonly creator_name: string | null;
  readonly creator_created_at: Date | null;
  readonly service_account_id: string | null;
  readonly service_account_name: string | null;
  readonly service_account_role: string | null;
  readonly service_account_created_at: Date | null;
}

export const selectKeys = `
  select t.id, t.name, t.last4, t.operator, t.project_id, t.created_at, t.expires_at, t.last_used_at, t.models,
    t.ip_allow_list, t.requests_per_minute, t.tokens_per_minute, t.max_concurrency, t.rotated_to, t.created_by,
    c.name as creator_name, c.created_at as creator_created_at,
    t.service_account_id, s.name as service_account_name, s.role as service_account_role,
    s.created_at as service_account_created_at
  from api_keys t
  left join api_keys c on c.id = t.created_by and c.organization_id = t.organization_id
  left join service_accounts s on s.id = t.service_account_id`;

/** SDK type `ProjectAPIKey`, and our own fields behind it. */
export function projectKeyOf(row: KeyRow, project: OwnedProject) {
  return {
    object: 'organization.project.api_key' as const,
    id: row.id,
    name: row.name,
    redacted_value: redacted('sk-modapi-', row),
    created_at: unixSeconds(row.created_at),
    last_used_at: unixSeconds(row.last_used_at),
    expires_at: unixSeconds(row.expires_at),
    owner: ownerOf(row),
    owner_project_access: accessOf(project),
    models: row.models,
    ip_allow_list: row.ip_allow_list,
    requests_per_minute: row.requests_per_minute,
    tokens_per_minute: row.tokens_per_minute,
    max_concurrency: row.max_concurrency,
    rotated_to: row.rotated_to,
  };
}

/** Keys of an archived project are refused. */
export function accessOf(project: OwnedProject): 'active' | 'inactive' {
  return project.archivedAt === null ? 'active' : 'inactive';
}

/** SDK type `AdminAPIKey`; `operator` is ours. */
export function adminKeyOf(row: KeyRow) {
  return {
    object: 'organization.admin_api_key' as const,
    id: row.id,
    name: row.name,
    redacted_value: redacted('sk-modapi-admin-', row),
    created_at: unixSeconds(row.created_at),
    last_used_at: unixSeconds(row.last_used_at),
    expires_at: unixSeconds(row.expires_at),
    owner: { type: 'user' as const, object: 'organization.user' as const, ...creatorOf(row) },
    operator: row.operator,
  };
}

/** The public id and the last four characters, which are of the checksum: none of the secret. */
function redacted(prefix: string, row: KeyRow): string {
  return `${prefix}${row.id.slice('key_'.length)}...${row.last4}`;
}

function ownerOf(row: KeyRow) {
  if (row.service_account_id === null) return { type: 'user' as const, user: { ...creatorOf(row), email: '' } };
  const account = {
    id: row.service_account_id,
    name: row.service_account_name ?? '',
    created_at: unixSeconds(row.service_account_created_at ?? row.created_at),
    role: row.service_account_role ?? 'member',
  };
  return { type: 'service_account' as const, service_account: account };
}

/** OpenAI names a user; there are none here, so it is the admin key that made this one, or the operator. */
function creatorOf(row: KeyRow) {
  return {
    id: row.created_by ?? 'operator',
    name: row.creator_name ?? 'operator',
    created_at: unixSeconds(row.creator_created_at ?? row.created_at),
    role: 'owner',
  };
}
