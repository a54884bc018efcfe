import { describe, expect, it } from '@jest/globals';
import type { AdminAPIKey } from 'openai/resources/admin/organization/admin-api-keys';
import type { ProjectAPIKey } from 'openai/resources/admin/organization/projects/api-keys';
import { adminKeyOf, type KeyRow, projectKeyOf } from './key-row.js';

const row: KeyRow = {
  id: 'key_abcdefghijkl',
  name: 'mine',
  last4: 'wxyz',
  operator: false,
  project_id: 'proj_1',
  created_at: new Date(1_700_000_000_999),
  expires_at: null,
  last_used_at: null,
  models: null,
  ip_allow_list: null,
  requests_per_minute: null,
  tokens_per_minute: null,
  max_concurrency: null,
  rotated_to: null,
  created_by: null,
  creator_name: null,
  creator_created_at: null,
  service_account_id: null,
  service_account_name: null,
  service_account_role: null,
  service_account_created_at: null,
};

describe('a key on the wire', () => {
  // The type is the assertion: the compiler compares these with what the SDK says it reads.
  it("is the SDK's project key, in whole seconds", () => {
    const key: ProjectAPIKey = projectKeyOf(row, { id: 'proj_1', archivedAt: null });
    expect(key).toMatchObject({ created_at: 1_700_000_000, owner: { type: 'user', user: { id: 'operator' } } });
    expect(key.redacted_value).toBe('sk-modapi-abcdefghijkl...wxyz');
  });

  it("is the SDK's admin key", () => {
    const key: AdminAPIKey = adminKeyOf(row);
    expect(key.redacted_value).toBe('sk-modapi-admin-abcdefghijkl...wxyz');
  });

  it('says that keys of an archived project have no access', () => {
    expect(projectKeyOf(row, { id: 'proj_1', archivedAt: new Date() }).owner_project_access).toBe('inactive');
  });
});
