import type { KeyObject } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { digestApiKey, generateApiKey, type keyRights, type KeyScope, parseApiKey } from '#libs/contracts';
import type { OrganizationCall } from '../organization/handler-group.js';
import { KEY_PEPPER } from '../tokens.js';

type Rights = { readonly [Name in keyof typeof keyRights]?: z.infer<(typeof keyRights)[Name]> };

/** A key to be made; what is absent is not restricted, and no expiry means for good. */
export interface NewKey extends Rights {
  readonly scope: KeyScope;
  readonly projectId: string;
  readonly name: string;
  readonly expiresInSeconds?: number | null | undefined;
  /** Wins over `expiresInSeconds`. */
  readonly expiresAt?: Date | null | undefined;
  readonly serviceAccountId?: string | null;
}

/** Makes keys. Only the HMAC stays here; `value` is in the one answer that hands it out, and nowhere else. */
@Injectable()
export class KeyIssuer {
  constructor(@Inject(KEY_PEPPER) private readonly pepper: KeyObject) {}

  async issue(call: OrganizationCall, key: NewKey): Promise<{ id: string; value: string }> {
    const value = generateApiKey(key.scope);
    const id = parseApiKey(value)?.id;
    if (id === undefined) throw new TypeError('a key that was just made cannot be read');
    // `operator` is not among the columns: no call can make a key that may move money.
    await call.manager.query(
      `insert into api_keys (id, digest, scope, organization_id, project_id, name, last4, models, ip_allow_list,
         requests_per_minute, tokens_per_minute, max_concurrency, service_account_id, created_by, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
         coalesce($15::timestamptz, now() + $16::integer * interval '1 second'))`,
      [
        id,
        digestApiKey(value, this.pepper),
        key.scope,
        call.organizationId,
        key.projectId,
        key.name,
        value.slice(-4),
        key.models ?? null,
        key.ip_allow_list ?? null,
        key.requests_per_minute ?? null,
        key.tokens_per_minute ?? null,
        key.max_concurrency ?? null,
        key.serviceAccountId ?? null,
        call.caller.keyId,
        key.expiresAt ?? null,
        key.expiresInSeconds ?? null,
      ],
    );
    return { id, value };
  }
}
