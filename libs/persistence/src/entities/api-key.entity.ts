import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A key as it is stored: its HMAC, never the key. */
@Entity('api_keys')
export class ApiKey {
  /** `key_…`, the public part of the key itself. */
  @PrimaryColumn({ type: 'text' })
  id: string;

  /** HMAC-SHA256 of the whole key under the pepper, base64url. */
  @Column({ type: 'text' })
  digest: string;

  @Column({ type: 'text' })
  scope: 'inference' | 'admin';

  @Column({ name: 'organization_id', type: 'text' })
  organizationId: string;

  @Column({ name: 'project_id', type: 'text' })
  projectId: string;

  @Column({ type: 'text' })
  name: string;

  /** So that a person recognises it. */
  @Column({ type: 'text' })
  last4: string;

  @Column({ name: 'created_at', type: 'timestamptz', insert: false, update: false })
  createdAt: Date;

  @Column({ name: 'expires_at', type: 'timestamptz', nullable: true })
  expiresAt: Date | null;

  @Column({ name: 'revoked_at', type: 'timestamptz', nullable: true })
  revokedAt: Date | null;

  /** To about a minute. */
  @Column({ name: 'last_used_at', type: 'timestamptz', nullable: true })
  lastUsedAt: Date | null;

  /** The key of whoever runs the gateway. No insert sets it: the bootstrap alone does, by an update. */
  @Column({ type: 'boolean', insert: false })
  operator: boolean;

  /** Public model ids, `openai/*` for all that begin so; null: every model. */
  @Column({ type: 'text', array: true, nullable: true })
  models: string[] | null;

  /** Addresses and CIDR ranges; null: from anywhere. */
  @Column({ name: 'ip_allow_list', type: 'text', array: true, nullable: true })
  ipAllowList: string[] | null;

  @Column({ name: 'requests_per_minute', type: 'integer', nullable: true })
  requestsPerMinute: number | null;

  @Column({ name: 'tokens_per_minute', type: 'integer', nullable: true })
  tokensPerMinute: number | null;

  @Column({ name: 'max_concurrency', type: 'integer', nullable: true })
  maxConcurrency: number | null;

  @Column({ name: 'service_account_id', type: 'text', nullable: true })
  serviceAccountId: string | null;

  /** The key that replaced this one; of a chain, the newest. */
  @Column({ name: 'rotated_to', type: 'text', nullable: true })
  rotatedTo: string | null;

  /** Id of the admin key that made it; null: the bootstrap did. */
  @Column({ name: 'created_by', type: 'text', nullable: true })
  createdBy: string | null;
}
