import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import type { AttemptFinished, WirePrice } from '#libs/contracts';
import {
  createDataSource,
  type EmbeddedPostgres,
  insertRows,
  migrate,
  Organization,
  startEmbeddedPostgres,
} from '#libs/persistence';
import { type Settlement, settleUsage } from '../../usage/settle-usage.js';
import { intakeOf, type UsageRow } from '../../usage/usage-intake.js';
import { Ledger } from '../ledger.js';

/** One nano-dollar per token: what is used is what is paid. */
const plainPrice: WirePrice = { input: '1000000', output: '1000000' };
const deployment = 'sandbox/sandbox/chat';

export interface Account {
  readonly available: bigint;
  readonly held: bigint;
}

interface HoldWish {
  readonly nanos: number;
  /** The price of the snapshot. */
  readonly price?: WirePrice;
  readonly expired?: boolean;
}

/** A migrated Postgres, and the few moves that the specs of the ledger are made of. */
export class LedgerFixture {
  private count = 0;
  readonly ledger = new Ledger();

  private constructor(
    private readonly dir: string,
    readonly postgres: EmbeddedPostgres,
    readonly database: DataSource,
  ) {}

  static async open(): Promise<LedgerFixture> {
    const dir = await mkdtemp(join(tmpdir(), 'modapi-ledger-'));
    const postgres = await startEmbeddedPostgres(join(dir, 'postgres'), { durable: false });
    await migrate(postgres.url);
    return new LedgerFixture(
      dir,
      postgres,
      await createDataSource(postgres.url, { applicationName: 'spec' }).initialize(),
    );
  }

  async close(): Promise<void> {
    await this.database.destroy();
    await this.postgres.stop();
    await rm(this.dir, { recursive: true, force: true });
  }

  /** The URL of a second database on the same server, migrated and empty. */
  async emptyDatabase(): Promise<string> {
    const name = `empty_${++this.count}`;
    await this.database.query(`create database ${name}`);
    const url = new URL(this.postgres.url);
    url.pathname = name;
    await migrate(url.href);
    return url.href;
  }

  /** Its id. Prepaid ones get what is available by a top-up. */
  async organization(
    billingMode: 'prepaid' | 'postpaid',
    { available = 0n, overdraft = 0n }: { available?: bigint; overdraft?: bigint } = {},
  ): Promise<string> {
    const id = `org_${++this.count}`;
    await insertRows(this.database.manager, Organization, [{ id, name: id, billingMode }]);
    if (available > 0n) {
      await this.ledger.topUp(this.database, { organizationId: id, amountNanos: available, reference: 'start' });
    }
    if (billingMode === 'prepaid') {
      await this.ledger.setTerms(this.database, { organizationId: id, billingMode, overdraftNanos: overdraft });
    }
    return id;
  }

  /** Its id. */
  async budget(organizationId: string, amountNanos: bigint): Promise<string> {
    const id = `budget_${++this.count}`;
    await this.database.query(
      `insert into budgets (id, organization_id, scope, scope_id, period, amount_nanos)
       values ($1, $2, 'organization', $2, 'month', $3)`,
      [id, organizationId, String(amountNanos)],
    );
    return id;
  }

  /** The request id of a request that was let in. */
  async hold(organizationId: string, { nanos, price = plainPrice, expired = false }: HoldWish): Promise<string> {
    const requestId = `req_${++this.count}`;
    const snapshotId = `snapshot_${JSON.stringify(price)}`;
    const item = {
      index: 0,
      request_id: requestId,
      organization_id: organizationId,
      project_id: 'proj_1',
      key_id: 'key_1',
      endpoint: 'chat.completions',
      model: 'sandbox/chat',
      hold_nanos: String(nanos),
      price_snapshot_id: snapshotId,
      idempotency_key: null,
      fingerprint: null,
    };
    const snapshots = { [snapshotId]: { model: 'sandbox/chat', prices: { [deployment]: price } } };
    const lease = expired ? '-1 second' : '60 seconds';
    const [result] = await this.database.query<{ outcome: string }[]>('select * from ledger_authorize($1, $2, $3)', [
      JSON.stringify([item]),
      JSON.stringify(snapshots),
      lease,
    ]);
    if (result?.outcome !== 'authorized') throw new Error(`no hold: ${result?.outcome ?? 'no answer'}`);
    if (expired) await this.database.query(`select ledger_expire('0 seconds', 1000)`);
    return requestId;
  }

  async extend(requestId: string, nanos: number): Promise<void> {
    await this.change({ kind: 'extend', request_id: requestId, step: 1, nanos: String(nanos) });
  }

  async release(requestId: string): Promise<void> {
    await this.change({ kind: 'release', request_id: requestId });
  }

  private async change(item: object): Promise<void> {
    await this.database.query(`select * from ledger_change_holds($1, '60 seconds')`, [
      JSON.stringify([{ index: 0, ...item }]),
    ]);
  }

  /** An event that costs as many nano-dollars as it has tokens; of a new request unless one is named. */
  event(organizationId: string, tokens: number, change: Partial<AttemptFinished> = {}): AttemptFinished {
    const requestId = change.request_id ?? `req_${++this.count}`;
    return {
      v: 1,
      type: 'attempt.finished',
      attempt_id: `${requestId}#1`,
      request_id: requestId,
      organization_id: organizationId,
      project_id: 'proj_1',
      key_id: 'key_1',
      witness: 'worker',
      endpoint: 'chat.completions',
      model: 'sandbox/chat',
      provider: 'sandbox',
      upstream_model: 'sandbox/chat',
      upstream_request_id: null,
      upstream_status: 200,
      outcome: 'done',
      content_delivered: tokens > 0,
      usage_source: 'provider',
      usage: { input: tokens },
      price: plainPrice,
      held: false,
      started_at: 1_700_000_000_000,
      first_byte_at: 1_700_000_000_500,
      finished_at: 1_700_000_001_000,
      trace_id: null,
      ...change,
    };
  }

  row(...event: Parameters<LedgerFixture['event']>): UsageRow {
    const intake = intakeOf(this.event(...event));
    if ('reason' in intake) throw new Error(intake.reason);
    return intake.row;
  }

  settle(...rows: UsageRow[]): Promise<Settlement[]> {
    return settleUsage(this.database.manager, rows);
  }

  async account(organizationId: string): Promise<Account> {
    const balance = await this.ledger.balance(this.database, organizationId);
    if (balance === undefined) throw new Error('no such account');
    return { available: balance.availableNanos, held: balance.heldNanos };
  }

  async holdState(requestId: string): Promise<string | undefined> {
    const [row] = await this.database.query<{ state: string }[]>('select state from holds where request_id = $1', [
      requestId,
    ]);
    return row?.state;
  }

  /** Kinds of a request's transactions, in order. */
  async kinds(requestId: string): Promise<string[]> {
    const rows = await this.database.query<{ kind: string }[]>(
      'select kind from ledger_transactions where request_id = $1 order by id',
      [requestId],
    );
    return rows.map(({ kind }) => kind);
  }
}
