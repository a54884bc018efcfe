// `npm run bench -- --only ledger`: how many requests per second the ledger lets in and charges, on a Postgres of its own with fsync.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { prepare } from '../../deploy/local/prepare.mjs';

const batchSize = 128;
const writers = 2;
const rounds = 3;
const manyOrganizations = 1000;

/** From the build, as the gateway runs it. */
const persistence = () => import('../../dist/libs/persistence/src/index.js');

const scenarios = [
  { name: 'one hot organization', organizationOf: () => 'org_0' },
  { name: '1,000 organizations', organizationOf: (n) => `org_${n % manyOrganizations}` },
  { name: 'one with 3 budgets and Idempotency-Keys', organizationOf: () => 'org_budget', keyed: true },
];

async function fill(client) {
  await client.query(`
    insert into organizations (id, name, billing_mode)
    select 'org_' || n, 'bench', 'prepaid' from generate_series(0, ${manyOrganizations - 1}) n
    union all select 'org_budget', 'bench', 'prepaid'`);
  await client.query(`
    insert into ledger_transactions (kind, ref, organization_id, available_nanos, cash_nanos)
    select 'top_up', id, id, 1e15, -1e15 from organizations`);
  await client.query(`update ledger_accounts set available_nanos = 1e15`);
  await client.query(`
    insert into budgets (id, organization_id, scope, scope_id, period, amount_nanos)
    select 'budget_' || period, 'org_budget', 'organization', 'org_budget', period, 1e15
    from unnest(array['day', 'month', 'total']) period`);
}

const price = { input: '150000000', output: '600000000' };
const snapshots = JSON.stringify({ snapshot_1: { model: 'bench', prices: { 'bench/model': price } } });
let requests = 0;

function holdsOf({ organizationOf, keyed = false }) {
  return Array.from({ length: batchSize }, (_, index) => {
    const n = ++requests;
    const organization = organizationOf(n);
    return {
      ...{ index, request_id: `req_${String(n).padStart(26, '0')}`, organization_id: organization },
      ...{ project_id: `proj_${organization}`, key_id: `key_${organization}`, endpoint: 'chat.completions' },
      ...{ model: 'bench', hold_nanos: '2000000', price_snapshot_id: 'snapshot_1' },
      ...(keyed && { idempotency_key: `key ${n}`, fingerprint: 'f'.repeat(43) }),
    };
  });
}

function usageOf(hold) {
  const now = new Date();
  return {
    ...{ attempt_id: `${hold.request_id}#1`, request_id: hold.request_id, organization_id: hold.organization_id },
    ...{ project_id: hold.project_id, key_id: hold.key_id, witness: 'worker', endpoint: hold.endpoint },
    ...{ model: hold.model, provider: 'bench', upstream_model: 'model', upstream_status: 200, outcome: 'done' },
    ...{ content_delivered: true, usage_source: 'provider', input_tokens: '1000', input_cached_tokens: '0' },
    ...{ output_tokens: '500', reasoning_tokens: '0', price, charge_nanos: '450000' },
    ...{ started_at: now, first_byte_at: now, finished_at: now },
  };
}

/** One writer: a batch is let in by one commit and charged by the next. Counts requests that had both. */
async function write(client, scenario, { until }) {
  let done = 0;
  while (performance.now() < until) {
    const holds = holdsOf(scenario);
    const { rows } = await client.query('select * from ledger_authorize($1, $2, $3)', [
      JSON.stringify(holds),
      snapshots,
      '60 seconds',
    ]);
    if (rows.some(({ outcome }) => outcome !== 'authorized')) throw new Error('the ledger refused a hold');
    const settled = await client.query('select charge_nanos from ledger_settle($1)', [
      JSON.stringify(holds.map(usageOf)),
    ]);
    if (settled.rows.some((row) => row.charge_nanos !== '450000')) throw new Error('the ledger charged a wrong amount');
    done += rows.length;
  }
  return done;
}

async function perSecond(clients, scenario, seconds) {
  const began = performance.now();
  const until = began + seconds * 1000;
  const done = await Promise.all(clients.map((client) => write(client, scenario, { until })));
  return (done.reduce((sum, count) => sum + count, 0) * 1000) / (performance.now() - began);
}

async function checkBooks(client) {
  const { rows } = await client.query(`
    select organization_id from ledger_accounts a
    left join (select organization_id, sum(available_nanos) as available, sum(held_nanos) as held
      from ledger_transactions group by 1) t using (organization_id)
    where a.available_nanos <> t.available or a.held_nanos <> t.held or a.held_nanos <> 0`);
  if (rows.length > 0) throw new Error(`the books of ${rows.length} organizations do not add up`);
}

/**
 * Holds and captures per second: medians, one for each scenario.
 * @param {{ say: (line: string) => void, quick: boolean }} options
 * @returns {Promise<{ name: string, perSecond: number, min: number, max: number }[]>}
 */
export async function measureLedger({ say, quick }) {
  await prepare();
  const { migrate, startEmbeddedPostgres } = await persistence();
  const dir = await mkdtemp(join(tmpdir(), 'modapi-bench-ledger-'));
  const postgres = await startEmbeddedPostgres(join(dir, 'postgres'));
  const clients = Array.from({ length: writers }, () => new pg.Client({ connectionString: postgres.url }));
  try {
    await migrate(postgres.url);
    for (const client of clients) await client.connect();
    const { rows } = await clients[0].query('show fsync');
    if (rows[0].fsync !== 'on') throw new Error('this Postgres does not sync: its figures would mean nothing');
    await fill(clients[0]);
    const measured = [];
    for (const scenario of scenarios) {
      await perSecond(clients, scenario, 1);
      const rates = [];
      for (let round = 0; round < rounds; round++) rates.push(await perSecond(clients, scenario, quick ? 1 : 4));
      rates.sort((left, right) => left - right);
      const told = rates.map(Math.round).join(', ');
      say(`ledger, ${scenario.name}: ${Math.round(rates[1])} holds and captures/s (median of ${told})`);
      measured.push({ name: scenario.name, perSecond: rates[1], min: rates[0], max: rates[2] });
    }
    await checkBooks(clients[0]);
    say(`${requests} requests in batches of ${batchSize} by ${writers} writers; the books add up`);
    return measured;
  } finally {
    for (const client of clients) await client.end().catch(() => undefined);
    await postgres.stop();
    await rm(dir, { recursive: true, force: true });
  }
}
