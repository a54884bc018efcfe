import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import pg from 'pg';
import { type RunningService, startPostgres } from '../../deploy/local/services.js';
import { descendants, type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { describeOpenAiAdminSdk } from '../support/openai-sdk-admin.conformance.js';

/** An organization with one project. */
interface Tenant {
  readonly id: string;
  readonly project: string;
  readonly adminKey: string;
}
interface ApiKey {
  readonly id: string;
  readonly value: string;
}
interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** When it had arrived, of `performance.now()`. */
  readonly at: number;
}

/** "Everywhere in under two seconds." */
const soonMs = 2_000;

let folder: string;
let postgres: RunningService;
let gateway: GatewayProcess;
let database: pg.Pool;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modapi-organizations-'));
  postgres = await startPostgres({ dir: join(folder, 'postgres') });
  gateway = await startGateway({
    arguments: ['--cluster', '--scale', 'text=1,ingress=2'],
    env: { DATABASE_URL: postgres.url },
  });
  database = new pg.Pool({ connectionString: postgres.url, max: 2 });
}, 180_000);

afterAll(async () => {
  await database?.end();
  await gateway?.stop();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

async function sumOf(text: string, id: string): Promise<bigint> {
  const { rows } = await database.query<{ sum: string }>(text, [id]);
  return BigInt(rows[0]?.sum ?? '-1');
}

describeOpenAiAdminSdk('the cluster', () => ({
  baseUrl: gateway.baseUrl,
  apiKey: gateway.apiKey,
  adminKey: gateway.adminKey,
  chargedNanos: (projectId) =>
    sumOf('select coalesce(sum(charge_nanos), 0)::text as sum from usage_records where project_id = $1', projectId),
}));

async function manage<Result>(key: string, path: string, body?: object, method?: string): Promise<Result> {
  const response = await fetch(`${gateway.baseUrl}/${path}`, {
    method: method ?? (body ? 'POST' : 'GET'),
    headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Result;
}

/** As the operator, for an organization. */
async function operate(tenant: Tenant, path: string, body: object): Promise<void> {
  const response = await fetch(`${gateway.baseUrl}/${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.adminKey}`,
      'openai-organization': tenant.id,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  });
  expect(await response.json()).not.toHaveProperty('error');
}

async function newTenant(name: string, mode: 'prepaid' | 'postpaid'): Promise<Tenant> {
  const made = await manage<{ id: string; default_project_id: string; admin_api_key: { value: string } }>(
    gateway.adminKey,
    'organizations',
    { name, mode },
  );
  return { id: made.id, project: made.default_project_id, adminKey: made.admin_api_key.value };
}

const keysOf = ({ project }: Tenant): string => `organization/projects/${project}/api_keys`;
const newKey = (tenant: Tenant, rights: object = {}): Promise<ApiKey> =>
  manage(tenant.adminKey, keysOf(tenant), { name: 'k', ...rights });

/** Over a connection of its own: the kernel gives each to one of the ingress processes. */
function ask(key: string, model = 'sandbox/fast', maxTokens = 9, signal?: AbortSignal): Promise<Answer> {
  const agent = new Agent({ keepAlive: false });
  const body = JSON.stringify({ model, max_tokens: maxTokens, messages: [{ role: 'user', content: 'Say hello.' }] });
  return new Promise((resolve, reject) => {
    const sending = httpRequest(`${gateway.baseUrl}/chat/completions`, {
      agent,
      method: 'POST',
      ...(signal && { signal }),
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
    });
    sending.once('error', reject).once('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.once('error', reject).once('end', () => {
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, body: text, at: performance.now() });
      });
    });
    sending.end(body);
  });
}

const askTimes = (count: number, key: string): Promise<Answer[]> =>
  Promise.all(Array.from({ length: count }, () => ask(key)));
const codeOf = ({ body }: Answer): string => (JSON.parse(body) as { error: { code: string } }).error.code;

/** Ten requests a second until `stop`, each over a connection of its own. */
function startLoad(key: string, maxTokens: number): { readonly answers: Answer[]; stop(): Promise<void> } {
  const answers: Answer[] = [];
  const underWay = new Set<Promise<void>>();
  const timer = setInterval(() => {
    const call: Promise<void> = ask(key, 'sandbox/fast', maxTokens).then((answer) => {
      answers.push(answer);
      underWay.delete(call);
    });
    underWay.add(call);
  }, 100);
  return {
    answers,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

async function until(holds: () => boolean | Promise<boolean>, patienceMs = 20_000): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not reached in ${patienceMs} ms: ${holds.toString()}`);
    await delay(50);
  }
}

/** Changes something while requests come in at both processes; none may be answered as before after two seconds. */
async function changesEverywhere(
  key: string,
  change: () => Promise<unknown>,
  after: number,
  maxTokens = 9,
): Promise<Answer[]> {
  const load = startLoad(key, maxTokens);
  try {
    await until(() => load.answers.length >= 15);
    expect(new Set(load.answers.map(({ status }) => status)).size).toBe(1);
    expect(load.answers[0]?.status).not.toBe(after);
    await change();
    const changedAt = performance.now();
    const late = (): Answer[] => load.answers.filter(({ at }) => at > changedAt + soonMs);
    await until(() => late().length >= 15);
    await load.stop();
    expect(new Set(late().map(({ status }) => status))).toEqual(new Set([after]));
    return late();
  } finally {
    await load.stop();
  }
}

it('has two ingress processes, which share the connections', async () => {
  const ingress = descendants(gateway.child.pid ?? 0).filter(({ command }) =>
    command.includes('apps/ingress/src/main.js'),
  );
  expect(ingress).toHaveLength(2);
  await askTimes(40, gateway.apiKey);
  for (const label of ['ingress.1', 'ingress.2']) {
    await until(() =>
      gateway
        .output()
        .split('\n')
        .some((line) => line.startsWith(`${label} | `) && line.includes('"request"')),
    );
  }
});

async function balanceOf({ adminKey }: Tenant): Promise<{ available: bigint; held: bigint }> {
  const billing = await manage<{ available_nano_usd: string; held_nano_usd: string }>(adminKey, 'organization/billing');
  return { available: BigInt(billing.available_nano_usd), held: BigInt(billing.held_nano_usd) };
}

/** Requests that never end by themselves; `leave` ends them as their callers do. */
function hang(count: number, key: string): { readonly refused: Answer[]; leave(): Promise<void> } {
  const controller = new AbortController();
  const refused: Answer[] = [];
  const calls = Array.from({ length: count }, () =>
    ask(key, 'sandbox/hang', 9, controller.signal).then(
      (answer) => void refused.push(answer),
      (error: unknown) => {
        if (!controller.signal.aborted) throw error;
      },
    ),
  );
  const ended = Promise.all(calls);
  return {
    refused,
    leave: async () => {
      controller.abort();
      await ended;
    },
  };
}

describe('a balance for exactly 6 requests', () => {
  it('lets in 6 of 60 that come in at both processes, and has all of it back when they left', async () => {
    const scale = await newTenant('Scale', 'prepaid');
    await operate(scale, 'organization/billing/top_ups', { amount_nano_usd: '1000000000', reference: 'scale' });
    const one = hang(1, (await newKey(scale)).value);
    await until(async () => (await balanceOf(scale)).held > 0n);
    const { held: hold } = await balanceOf(scale);
    await one.leave();

    const tenant = await newTenant('Six', 'prepaid');
    const money = 6n * hold;
    await operate(tenant, 'organization/billing/top_ups', { amount_nano_usd: String(money), reference: 'six' });
    const key = await newKey(tenant);
    const crowd = hang(60, key.value);
    await until(() => crowd.refused.length >= 54);
    expect(await balanceOf(tenant)).toEqual({ available: 0n, held: money });
    await crowd.leave();
    expect(crowd.refused.map((answer) => [answer.status, codeOf(answer)])).toEqual(
      Array(54).fill([429, 'insufficient_quota']),
    );
    await until(async () => (await balanceOf(tenant)).held === 0n);
    expect(await balanceOf(tenant)).toEqual({ available: money, held: 0n });
  }, 60_000);
});

describe('the costs that the official SDK reads', () => {
  it('equal the captures of the ledger to the nano-dollar, all pages together', async () => {
    const tenant = await newTenant('Exact', 'prepaid');
    await operate(tenant, 'organization/billing/top_ups', { amount_nano_usd: '3000000', reference: 'exact-1' });
    const key = await newKey(tenant);
    const answers = [...(await askTimes(20, key.value)), await ask(key.value, 'sandbox/error-500')];
    const told = answers
      .map(({ headers }) => BigInt(headers['x-modapi-cost-nano-usd']?.toString() ?? '0'))
      .reduce((sum, nanos) => sum + nanos, 0n);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(20);
    const captured = () =>
      sumOf(
        `select coalesce(sum(revenue_nanos + writeoff_nanos), 0)::text as sum
         from ledger_transactions where organization_id = $1 and kind = 'capture'`,
        tenant.id,
      );
    await until(async () => (await captured()) >= told);
    expect(await captured()).toBe(told);

    const client = new OpenAI({ adminAPIKey: tenant.adminKey, apiKey: null, baseURL: gateway.baseUrl });
    const start = Math.floor(Date.now() / 1_000) - 5 * 86_400;
    let reported = 0n;
    for (let page: string | undefined | null; page !== null;) {
      const answer = await client.admin.organization.usage.costs({
        start_time: start,
        limit: 2,
        ...(page && { page }),
      });
      for (const { results } of answer.data) {
        for (const { amount } of results as { amount?: { value: number; nano_usd: string } }[])
          reported += BigInt(amount?.nano_usd ?? 0);
      }
      page = answer.has_more ? answer.next_page : null;
    }
    expect(reported).toBe(told);
    expect(reported).toBeGreaterThan(0n);
    expect(await manage(tenant.adminKey, 'organization/billing')).toMatchObject({
      available_nano_usd: String(3_000_000n - told),
      held_nano_usd: '0',
    });
  }, 60_000);
});

describe('a key', () => {
  it('that is revoked under load is refused everywhere in under two seconds', async () => {
    const tenant = await newTenant('Revoker', 'postpaid');
    const key = await newKey(tenant);
    const remove = () => manage(tenant.adminKey, `${keysOf(tenant)}/${key.id}`, undefined, 'DELETE');
    const late = await changesEverywhere(key.value, remove, 401);
    expect(new Set(late.map(codeOf))).toEqual(new Set(['invalid_api_key']));
  }, 60_000);

  it('that is rotated works beside its successor for the overlap', async () => {
    const tenant = await newTenant('Rotator', 'postpaid');
    const old = await newKey(tenant);
    const next = await manage<ApiKey>(tenant.adminKey, `${keysOf(tenant)}/${old.id}/rotate`, { overlap_seconds: 600 });
    expect(next.id).not.toBe(old.id);
    const answers = [...(await askTimes(10, old.value)), ...(await askTimes(10, next.value))];
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    // A second rotation may still end the first overlap at once.
    await changesEverywhere(
      next.value,
      () => manage(tenant.adminKey, `${keysOf(tenant)}/${next.id}/rotate`, { overlap_seconds: 0 }),
      401,
    );
    expect((await ask(old.value)).status).toBe(200);
  }, 60_000);

  it('with a limit of ten requests a minute gets ten of thirty, counted over both processes', async () => {
    const tenant = await newTenant('Limited', 'postpaid');
    const key = await newKey(tenant, { requests_per_minute: 10 });
    const answers = await askTimes(30, key.value);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(answers.length - refused.length).toBe(10);
    for (const answer of refused) {
      expect([answer.status, codeOf(answer)]).toEqual([429, 'rate_limit_exceeded']);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.headers['x-ratelimit-limit-requests']).toBe('10');
      expect(answer.headers['x-ratelimit-remaining-requests']).toBe('0');
    }
    const remaining = answers
      .filter(({ status }) => status === 200)
      .map(({ headers }) => Number(headers['x-ratelimit-remaining-requests']));
    expect(remaining.toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe('a change of the money takes effect everywhere in under two seconds:', () => {
  it('a budget of nothing, and one that is raised', async () => {
    const tenant = await newTenant('Budgeted', 'postpaid');
    const key = await newKey(tenant);
    let budget = '';
    const forbid = async (): Promise<void> => {
      const body = { scope: 'api_key', scope_id: key.id, period: 'day', amount_nano_usd: '0' };
      ({ id: budget } = await manage<{ id: string }>(tenant.adminKey, 'organization/budgets', body));
    };
    const late = await changesEverywhere(key.value, forbid, 429);
    expect(new Set(late.map(codeOf))).toEqual(new Set(['budget_exceeded']));
    const raise = () => manage(tenant.adminKey, `organization/budgets/${budget}`, { amount_nano_usd: '1000000000' });
    await changesEverywhere(key.value, raise, 200);
  }, 60_000);

  it('prepaid without money, and a top-up', async () => {
    const tenant = await newTenant('Switched', 'postpaid');
    const key = await newKey(tenant);
    // Enough for the answers, which are short, but not for a hold of all that was asked for.
    const [few, maxTokens] = ['5000000', 16_000];
    await operate(tenant, 'organization/billing/top_ups', { amount_nano_usd: few, reference: 'few' });
    const prepay = () => operate(tenant, 'organization/billing', { mode: 'prepaid' });
    const late = await changesEverywhere(key.value, prepay, 429, maxTokens);
    expect(new Set(late.map(codeOf))).toEqual(new Set(['insufficient_quota']));
    const pay = () =>
      operate(tenant, 'organization/billing/top_ups', { amount_nano_usd: '5000000000', reference: 's' });
    await changesEverywhere(key.value, pay, 200, maxTokens);
  }, 60_000);
});
