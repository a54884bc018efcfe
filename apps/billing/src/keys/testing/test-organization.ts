import { createSecretKey } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import {
  type Caller,
  digestApiKey,
  keyChangedSubject,
  type KeyLookupReply,
  keyLookupSubject,
  organizationRoutes,
} from '#libs/contracts';
import { type Bus, collectReply, createInProcessBus } from '#libs/messaging';
import { createDataSource, type EmbeddedPostgres, migrate, startEmbeddedPostgres } from '#libs/persistence';
import type { Logger } from '#libs/telemetry';
import { checkParameters } from '../../organization/call-validation.js';
import type { OrganizationHandler } from '../../organization/handler-group.js';
import { runInTransaction } from '../../organization/organization-transaction.js';
import { AdminApiKeysHandlers } from '../admin-api-keys.handlers.js';
import { ApiKeysHandlers } from '../api-keys.handlers.js';
import { KeyActivity } from '../key-activity.js';
import { KeyIssuer } from '../key-issuer.js';
import { KeyLookupHandler } from '../key-lookup.handler.js';
import { RateLimitsHandlers } from '../rate-limits.handlers.js';
import { ServiceAccountsHandlers } from '../service-accounts.handlers.js';

export type Json = Record<string, unknown>;

/** What a call of the management API says besides its route. */
export interface Asked {
  readonly params?: Record<string, string>;
  readonly query?: Json;
  readonly body?: Json;
  /** Absent: the organization's first admin key. */
  readonly caller?: Partial<Caller>;
  readonly organizationId?: string;
}

const nowhere = (): void => undefined;
const silent = { debug: nowhere, info: nowhere, warn: nowhere, error: nowhere } as unknown as Logger;

/** Key look-ups and key management on a Postgres of its own, under the role and the row policies of the real one. */
export class TestOrganization {
  readonly broadcasts: unknown[] = [];
  readonly activity: KeyActivity;
  private readonly handlers: Record<string, OrganizationHandler>;
  private auditedUpTo = 0;

  private constructor(
    readonly database: DataSource,
    readonly bus: Bus,
    private readonly pepper = createSecretKey('a-pepper-of-at-least-thirty-two-characters', 'utf8'),
  ) {
    const issuer = new KeyIssuer(pepper);
    this.activity = new KeyActivity(database, silent);
    this.handlers = {
      ...new ApiKeysHandlers(issuer).handlers,
      ...new ServiceAccountsHandlers(issuer).handlers,
      ...new AdminApiKeysHandlers(issuer).handlers,
      ...new RateLimitsHandlers().handlers,
    };
    const lookup = new KeyLookupHandler(database, this.activity, silent);
    bus.serve(keyLookupSubject, 'billing', (call) => void lookup.lookUp(call));
    bus.onBroadcast(keyChangedSubject, (payload) => void this.broadcasts.push(payload));
  }

  static async start(): Promise<[TestOrganization, () => Promise<void>]> {
    const folder = await mkdtemp(join(tmpdir(), 'modapi-keys-'));
    const postgres: EmbeddedPostgres = await startEmbeddedPostgres(join(folder, 'postgres'), { durable: false });
    await migrate(postgres.url);
    const database = await createDataSource(postgres.url, { applicationName: 'spec' }).initialize();
    const stop = async (): Promise<void> => {
      await database.destroy();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    };
    return [new TestOrganization(database, createInProcessBus()), stop];
  }

  /** An organization with a project and an admin key that makes the calls: `org_a`, `proj_a`, `key_admin_a`. */
  async add(name: string, billingMode: 'prepaid' | 'postpaid' = 'postpaid'): Promise<void> {
    const ids = [`org_${name}`, `proj_${name}`];
    await this.database.query(`insert into organizations (id, name, billing_mode) values ($1, $1, $2)`, [
      ids[0],
      billingMode,
    ]);
    await this.database.query(`insert into projects (organization_id, id, name) values ($1, $2, $2)`, ids);
    await this.database.query(
      `insert into api_keys (organization_id, project_id, id, digest, scope, name, last4)
       values ($1, $2, $3, $3, 'admin', 'first', 'abcd')`,
      [...ids, `key_admin_${name}`],
    );
  }

  /** As the dispatcher does it: checked, in one transaction of the bound role, broadcast after the commit. */
  async ask(routeId: string, asked: Asked = {}): Promise<Json> {
    const { params = {}, query = {}, body = {}, organizationId = 'org_a' } = asked;
    const route = organizationRoutes.find(({ id }) => id === routeId);
    const handler = this.handlers[routeId];
    if (!route || !handler) throw new TypeError(`there is no route ${routeId}`);
    const caller = { ...callerOf(organizationId), ...asked.caller };
    const head = { routeId, requestId: 'req_1', caller, organizationId, params, query, body };
    const parameters = checkParameters(route, head);
    const { answer, changedKeys } = await runInTransaction(this.database, { route, handler }, head, parameters);
    for (const which of changedKeys) this.bus.broadcast(keyChangedSubject, which);
    return JSON.parse(JSON.stringify(answer)) as Json;
  }

  /** Type, project and details of what was written to the audit log of `org_a` since the last question. */
  async audited(): Promise<Json[]> {
    const rows = await this.database.query<Json[]>(
      `select type, project_id, details from audit_logs
       where organization_id = 'org_a' and sequence > $1 order by sequence`,
      [this.auditedUpTo],
    );
    this.auditedUpTo += rows.length;
    return rows;
  }

  async lookUp(key: string): Promise<KeyLookupReply> {
    const head = { digest: digestApiKey(key, this.pepper) };
    const call = { subject: keyLookupSubject, head, body: new Uint8Array(), deadlineMs: 5_000 };
    return (await collectReply(this.bus, call)).trailer as KeyLookupReply;
  }
}

function callerOf(organizationId: string): Caller {
  const name = organizationId.slice('org_'.length);
  return {
    keyId: `key_admin_${name}`,
    organizationId,
    projectId: `proj_${name}`,
    scope: 'admin',
    operator: false,
    billingMode: 'postpaid',
  };
}
