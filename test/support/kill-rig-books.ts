import { readFileSync } from 'node:fs';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import pg from 'pg';

/** What the ledger and the upstream say of one organization, in a form that a test can write down. */
export interface Books {
  /** State of the hold of each request, in their order. */
  readonly holds: readonly string[];
  /** `#<attempt> <outcome> <source> <witness> <paid or free>`, request by request. */
  readonly attempts: readonly string[];
  /** `#<attempt>` of each call that reached the upstream. */
  readonly upstream: readonly string[];
  /** Upstream calls that nobody could report. */
  readonly unknown: number;
  readonly captures: number;
  /** Held, and what balance and charges lack to the money that was paid in: both zero at rest. */
  readonly held: string;
  readonly missing: string;
}

interface HoldRow {
  readonly request_id: string;
  readonly state: string;
}

interface UsageRow {
  readonly attempt_id: string;
  readonly request_id: string;
  readonly outcome: string;
  readonly usage_source: string;
  readonly witness: string;
  readonly charge_nanos: string;
}

interface AccountRow {
  readonly held: string;
  readonly missing: string;
  readonly captures: number;
}

const holdsSql = `select request_id, state from holds where organization_id = $1 order by authorized_at, request_id`;
const usageSql = `
  select u.attempt_id, u.request_id, u.outcome, u.usage_source, u.witness, u.charge_nanos
  from usage_records u left join holds h using (request_id)
  where u.organization_id = $1 order by h.authorized_at, u.attempt_id`;
/** Paid in, less what usage records say was paid, less what is still there. */
const accountSql = `
  select a.held_nanos as held,
    (select coalesce(sum(t.available_nanos), 0) from ledger_transactions t
      where t.organization_id = a.organization_id and t.kind = 'top_up')
    - (select coalesce(sum(u.charge_nanos), 0) from usage_records u where u.organization_id = a.organization_id)
    - a.available_nanos - a.held_nanos as missing,
    (select count(*)::int from ledger_transactions t
      where t.organization_id = a.organization_id and t.kind = 'capture') as captures
  from ledger_accounts a where a.organization_id = $1`;

const numberOf = (attemptId: string): string => attemptId.slice(attemptId.lastIndexOf('#'));
const requestOf = (attemptId: string): string => attemptId.slice(0, attemptId.lastIndexOf('#'));

/** Reads past the gateway: from Postgres, and from the upstream's own log. */
export async function readBooks(databaseUrl: string, callLog: string, organizationId: string): Promise<Books> {
  return withDatabase(databaseUrl, async (database) => {
    const holds = (await database.query<HoldRow>(holdsSql, [organizationId])).rows;
    const usage = (await database.query<UsageRow>(usageSql, [organizationId])).rows;
    const [account] = (await database.query<AccountRow>(accountSql, [organizationId])).rows;
    if (!account) throw new Error(`${organizationId} has no account`);
    const requests = new Set(holds.map(({ request_id }) => request_id));
    const called = readCallLog(callLog)
      .filter(({ event }) => event === 'started')
      .map(({ attempt_id }) => attempt_id ?? '')
      .filter((attempt) => requests.has(requestOf(attempt)));
    const recorded = new Set(usage.map(({ attempt_id }) => attempt_id));
    return {
      holds: holds.map(({ state }) => state),
      attempts: usage.map(
        ({ attempt_id, outcome, usage_source, witness, charge_nanos }) =>
          `${numberOf(attempt_id)} ${outcome} ${usage_source} ${witness} ${charge_nanos === '0' ? 'free' : 'paid'}`,
      ),
      upstream: called.map(numberOf),
      unknown: called.filter((attempt) => !recorded.has(attempt)).length,
      ...account,
    };
  });
}

export interface LoggedCall {
  readonly event: 'started' | 'ended';
  readonly attempt_id: string | null;
  readonly model: string;
}

/** The upstream's own log; empty before its first call. */
export function readCallLog(file: string): LoggedCall[] {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  // The last line may be half written.
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as LoggedCall);
}

/** A connection for one use: Postgres comes and goes. */
export async function withDatabase<Result>(
  databaseUrl: string,
  use: (database: pg.Client) => Promise<Result>,
): Promise<Result> {
  const database = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 });
  database.on('error', () => undefined); // what is under way rejects by itself
  await database.connect();
  try {
    return await use(database);
  } finally {
    await database.end();
  }
}

/** Locks an organization's account: authorizing and charging wait in Postgres until it is let go. */
export class HeldAccount {
  private constructor(private readonly database: pg.Client) {}

  static async take(databaseUrl: string, organizationId: string): Promise<HeldAccount> {
    const database = new pg.Client({ connectionString: databaseUrl });
    database.on('error', () => undefined); // Postgres may be killed under it
    await database.connect();
    await database.query('begin');
    await database.query('select from ledger_accounts where organization_id = $1 for update', [organizationId]);
    return new HeldAccount(database);
  }

  async letGo(): Promise<void> {
    await this.database.query('commit').catch(() => undefined);
    await this.database.end().catch(() => undefined);
  }
}

/** Ports of the clients whose call of `ledgerFunction` waits for a lock. */
export async function portsOfWaiting(databaseUrl: string, ledgerFunction: string): Promise<number[]> {
  return withDatabase(databaseUrl, async (database) => {
    const { rows } = await database.query<{ client_port: number }>(
      `select client_port from pg_stat_activity
       where wait_event_type = 'Lock' and state = 'active' and position($1 in query) > 0 and pid <> pg_backend_pid()`,
      [ledgerFunction],
    );
    return rows.map(({ client_port }) => client_port);
  });
}

/** Usage events that billing has not acknowledged: those to come, and those that will come again. */
export async function unacknowledgedEvents(natsUrl: string): Promise<number> {
  const connection = await connect({ servers: natsUrl.replace('nats://', '') });
  try {
    const manager = await jetstreamManager(connection);
    const info = await manager.consumers.info('USAGE', 'billing');
    return info.num_pending + info.num_ack_pending;
  } finally {
    await connection.close();
  }
}
