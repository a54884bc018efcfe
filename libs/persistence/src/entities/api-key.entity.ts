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
}
