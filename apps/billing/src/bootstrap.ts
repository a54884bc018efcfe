import { type KeyObject } from 'node:crypto';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { digestApiKey, parseApiKey } from '#libs/contracts';
import { ApiKey, insertRows, Organization, Project } from '#libs/persistence';
import { LOGGER } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import type { BillingEnvironment } from './config.js';
import { BILLING_ENVIRONMENT, KEY_PEPPER } from './tokens.js';

/** Where the bootstrap keys live; later organizations are made through the API. */
export const defaultOrganizationId = 'org_default';
export const defaultProjectId = 'proj_default';

/** Makes sure that someone can call the gateway at all. Idempotent, and safe in several processes at once. */
@Injectable()
export class Bootstrap implements OnModuleInit {
  constructor(
    private readonly dataSource: DataSource,
    @Inject(BILLING_ENVIRONMENT) private readonly environment: BillingEnvironment,
    @Inject(KEY_PEPPER) private readonly pepper: KeyObject,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onModuleInit(): Promise<void> {
    const { MODAPI_BOOTSTRAP_API_KEY: apiKey, MODAPI_BOOTSTRAP_ADMIN_KEY: adminKey } = this.environment;
    await this.dataSource.transaction(async (manager) => {
      // Postpaid, so that nobody's first call fails for money. Once only: an operator may have made it prepaid since.
      const organization = { id: defaultOrganizationId, name: 'Default', billingMode: 'postpaid' as const };
      await insertRows(manager, Organization, [organization]);
      const project = { id: defaultProjectId, organizationId: defaultOrganizationId, name: 'Default' };
      await insertRows(manager, Project, [project]);
      for (const key of [apiKey, adminKey]) if (key !== undefined) await this.ensureKey(manager, key);
    });
  }

  private async ensureKey(manager: EntityManager, key: string): Promise<void> {
    const parsed = parseApiKey(key);
    if (!parsed) throw new TypeError('a bootstrap key is malformed');
    const row = {
      id: parsed.id,
      digest: digestApiKey(key, this.pepper),
      scope: parsed.scope,
      organizationId: defaultOrganizationId,
      projectId: defaultProjectId,
      name: 'bootstrap',
      last4: key.slice(-4),
    };
    await insertRows(manager, ApiKey, [row]);
    // The pepper may have changed since; a key that was revoked stays revoked.
    const operator = parsed.scope === 'admin';
    const own = { id: row.id, organizationId: defaultOrganizationId };
    await manager.update(ApiKey, own, { digest: row.digest, operator });
    const stored = await manager.findOneBy(ApiKey, { id: row.id });
    if (stored?.revokedAt) this.logger.warn({ keyId: row.id }, 'the bootstrap key is revoked; set another one');
  }
}
