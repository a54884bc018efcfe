import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import type { AuthorizeItem, PriceSnapshot } from '#libs/contracts';
import { createDataSource, type EmbeddedPostgres, migrate, startEmbeddedPostgres } from '#libs/persistence';
import { LedgerWriter, type WantedHold } from '../ledger-writer.js';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };

export interface WantedChange extends Partial<AuthorizeItem> {
  readonly nanos?: number;
}

/** A Postgres of its own with the ledger in it, for specs. */
export class PrivateLedger {
  private readonly sources: DataSource[] = [];
  private count = 0;
  snapshot: PriceSnapshot = { model: 'm', prices: { 'p/m': { input: '1', output: '1' } } };

  private constructor(
    private readonly dir: string,
    readonly postgres: EmbeddedPostgres,
    readonly database: DataSource,
  ) {}

  static async start(): Promise<PrivateLedger> {
    const dir = await mkdtemp(join(tmpdir(), 'modapi-holds-'));
    const postgres = await startEmbeddedPostgres(join(dir, 'postgres'), { durable: false });
    await migrate(postgres.url);
    const database = await createDataSource(postgres.url, { applicationName: 'spec', poolSize: 8 }).initialize();
    return new PrivateLedger(dir, postgres, database);
  }

  async stop(): Promise<void> {
    for (const source of [this.database, ...this.sources]) await source.destroy();
    await this.postgres.stop();
    await rm(this.dir, { recursive: true, force: true });
  }

  /** A writer with a connection of its own. */
  async writer(leaseSeconds = 60): Promise<LedgerWriter> {
    const source = createDataSource(this.postgres.url, { applicationName: 'writer', poolSize: 1 });
    this.sources.push(await source.initialize());
    return new LedgerWriter(source, { MODAPI_HOLD_LEASE_SECONDS: leaseSeconds }, silent);
  }

  /** A prepaid organization with money; `null`: postpaid. */
  async organization(nanos: number | null, overdraft = 0): Promise<string> {
    const id = `org_${++this.count}`;
    await this.database.query('insert into organizations (id, name, billing_mode) values ($1, $1, $2)', [
      id,
      nanos === null ? 'postpaid' : 'prepaid',
    ]);
    if (nanos === null) return id;
    await this.database.query(
      `insert into ledger_transactions (kind, ref, organization_id, available_nanos, cash_nanos)
       values ('top_up', $1, $1, $2::bigint, -$2::bigint)`,
      [id, nanos],
    );
    await this.database.query(
      'update ledger_accounts set available_nanos = $2, overdraft_nanos = $3 where organization_id = $1',
      [id, nanos, overdraft],
    );
    return id;
  }

  async budget(organizationId: string, scopeId: string, period: string, nanos: number): Promise<string> {
    const id = `budget_${++this.count}`;
    const scope = { org: 'organization', pro: 'project', key: 'key' }[scopeId.slice(0, 3)];
    await this.database.query(
      'insert into budgets (id, organization_id, scope, scope_id, period, amount_nanos) values ($1, $2, $3, $4, $5, $6)',
      [id, organizationId, scope, scopeId, period, nanos],
    );
    return id;
  }

  wanted(organizationId: string, { nanos = 1, ...change }: WantedChange = {}): WantedHold {
    const item: AuthorizeItem = {
      requestId: `req_${++this.count}`,
      organizationId,
      projectId: `proj_${organizationId}`,
      keyId: `key_${organizationId}`,
      endpoint: 'chat.completions',
      model: 'm',
      holdNanos: String(nanos),
      priceSnapshotId: 'snapshot_1',
      idempotency: null,
      ...change,
    };
    return { item, snapshot: this.snapshot };
  }

  async accountOf(organizationId: string): Promise<[available: number, held: number]> {
    const [row] = await this.database.query<{ available_nanos: string; held_nanos: string }[]>(
      'select available_nanos, held_nanos from ledger_accounts where organization_id = $1',
      [organizationId],
    );
    return [Number(row?.available_nanos), Number(row?.held_nanos)];
  }

  async stateOf(requestId: string): Promise<string | undefined> {
    const [row] = await this.database.query<{ state: string }[]>('select state from holds where request_id = $1', [
      requestId,
    ]);
    return row?.state;
  }

  /** One name per law that is broken somewhere in the ledger. */
  async brokenLaws(): Promise<string[]> {
    const rows = await this.database.query<{ law: string }[]>(`
      select 'projection of ' || a.organization_id as law from ledger_accounts a
      left join (select organization_id, sum(available_nanos) as available, sum(held_nanos) as held
        from ledger_transactions group by 1) t using (organization_id)
      where a.available_nanos <> coalesce(t.available, 0) or a.held_nanos <> coalesce(t.held, 0)
      union all
      select 'open holds of ' || a.organization_id from ledger_accounts a
      where a.held_nanos <> coalesce((select sum(h.held_nanos) from holds h
        where h.organization_id = a.organization_id and h.state = 'authorized'), 0)
      union all
      select 'budget ' || w.budget_id from budget_windows w
      where w.held_nanos <> coalesce((select sum(h.held_nanos) from holds h
        cross join unnest(h.budget_ids, h.budget_windows) as r (budget_id, starts_at)
        where h.state = 'authorized' and r.budget_id = w.budget_id and r.starts_at = w.starts_at), 0)
      union all
      select 'sum of all entries' from ledger_transactions
      having sum(available_nanos + held_nanos + cash_nanos + revenue_nanos + writeoff_nanos) <> 0`);
    return rows.map(({ law }) => law);
  }
}

/** How many of each outcome. */
export function tally(outcomes: readonly { readonly outcome: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
