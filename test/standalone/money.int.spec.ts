import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import pg from 'pg';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';

/** An organization with one project and one key. */
interface Tenant {
  readonly id: string;
  readonly project: string;
  readonly adminKey: string;
  readonly key: string;
}

interface Balance {
  readonly available: bigint;
  readonly held: bigint;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

const tenDollars = 10_000_000_000n;
const costHeader = 'x-modapi-cost-nano-usd';

let callFolder: string;
let gateway: GatewayProcess;
let database: pg.Pool;

beforeAll(async () => {
  callFolder = mkdtempSync(join(tmpdir(), 'modapi-calls-'));
  gateway = await startGateway({ env: { MODAPI_SANDBOX_CALL_LOG: join(callFolder, 'calls.jsonl') } });
  const folder = join(gateway.dataDir, 'postgres');
  const [, , , port = ''] = readFileSync(join(folder, 'data/postmaster.pid'), 'utf8').split('\n');
  const password = readFileSync(join(folder, 'password'), 'utf8').trim();
  database = new pg.Pool({ host: '127.0.0.1', port: Number(port), user: 'postgres', password, database: 'modapi' });
}, 180_000);

afterAll(async () => {
  await database?.end();
  await gateway?.stop();
  rmSync(callFolder, { recursive: true, force: true });
}, 60_000);

/** Calls that have reached the upstream, by its own log. */
function upstreamCalls(model: string): number {
  const lines = readFileSync(join(callFolder, 'calls.jsonl'), 'utf8').trim().split('\n').filter(Boolean);
  const entries = lines.map((line) => JSON.parse(line) as { event: string; model: string });
  return entries.filter((entry) => entry.event === 'started' && entry.model === model).length;
}

/** Asks again until it holds; then says what it saw last. */
async function until<Value>(ask: () => Promise<Value>, holds: (value: Value) => boolean): Promise<Value> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const value = await ask();
    if (holds(value) || performance.now() > deadline) return value;
    await delay(50);
  }
}

async function manage<Result>(key: string, path: string, body?: object, organization?: string): Promise<Result> {
  const response = await fetch(`${gateway.baseUrl}/${path}`, {
    method: body ? 'POST' : 'GET',
    headers: {
      authorization: `Bearer ${key}`,
      ...(body && { 'content-type': 'application/json' }),
      ...(organization !== undefined && { 'openai-organization': organization }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Result;
}

async function newTenant(name: string, nanos = 0n): Promise<Tenant> {
  const made = await manage<{ id: string; default_project_id: string; admin_api_key: { value: string } }>(
    gateway.adminKey,
    'organizations',
    { name, mode: 'prepaid' },
  );
  const { id, default_project_id: project, admin_api_key: admin } = made;
  const { value: key } = await manage<{ value: string }>(admin.value, `organization/projects/${project}/api_keys`, {
    name,
  });
  const tenant = { id, project, adminKey: admin.value, key };
  if (nanos > 0n) await topUp(tenant, nanos);
  return tenant;
}

const topUp = ({ id }: Tenant, nanos: bigint): Promise<unknown> =>
  manage(
    gateway.adminKey,
    'organization/billing/top_ups',
    { amount_nano_usd: String(nanos), reference: `first-${id}` },
    id,
  );

async function balanceOf({ adminKey }: Tenant): Promise<Balance> {
  const billing = await manage<{ available_nano_usd: string; held_nano_usd: string }>(adminKey, 'organization/billing');
  return { available: BigInt(billing.available_nano_usd), held: BigInt(billing.held_nano_usd) };
}

/** When nothing is under way any more. */
const settledBalance = (tenant: Tenant): Promise<Balance> =>
  until(
    () => balanceOf(tenant),
    ({ held }) => held === 0n,
  );

async function chargesOf({ id }: Tenant): Promise<bigint[]> {
  const text = 'select charge_nanos::text as nanos from usage_records where organization_id = $1';
  const { rows } = await database.query<{ nanos: string }>(text, [id]);
  return rows.map(({ nanos }) => BigInt(nanos));
}

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, nanos) => total + nanos, 0n);

interface Question {
  readonly model: string;
  readonly content?: string;
  readonly idempotencyKey?: string;
  readonly more?: object;
  readonly signal?: AbortSignal;
}

function ask({ key }: Pick<Tenant, 'key'>, question: Question): Promise<Response> {
  const { model, content = 'Say hello.', idempotencyKey, more, signal } = question;
  return fetch(`${gateway.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    },
    body: JSON.stringify({ model, messages: [{ role: 'user', content }], ...more }),
    ...(signal && { signal }),
  });
}

async function answerOf(sending: Promise<Response>): Promise<Answer> {
  const response = await sending;
  return { status: response.status, headers: response.headers, body: await response.text() };
}

/** Some seconds of tokens: every request of a crowd is decided long before the first one ends. */
const longStream: Question = {
  model: 'sandbox/slow-stream',
  content: 'Tell me of gateways in 500 words.',
  more: { max_tokens: 60, stream: true, stream_options: { include_usage: true } },
};

/** What one such request holds, seen while it runs. */
async function holdOf(question: Question): Promise<bigint> {
  const tenant = await newTenant('Scale', tenDollars);
  const controller = new AbortController();
  const response = await ask(tenant, { ...question, signal: controller.signal });
  expect(response.status).toBe(200);
  const { held } = await balanceOf(tenant);
  controller.abort();
  expect(held).toBeGreaterThan(0n);
  return held;
}

/** All at once; every second of those let in leaves at its first bytes, the others read to the end. */
async function crowd(tenant: Tenant, size: number): Promise<{ admitted: Response[]; refused: Answer[] }> {
  const responses = await Promise.all(Array.from({ length: size }, () => ask(tenant, longStream)));
  const admitted = responses.filter(({ status }) => status === 200);
  const refused = await Promise.all(
    responses.filter(({ status }) => status !== 200).map((response) => answerOf(Promise.resolve(response))),
  );
  await Promise.all(
    admitted.map(async (response, index) => {
      if (index % 2 === 1) await response.body?.cancel();
      else expect((await response.text()).trimEnd()).toMatch(/data: \[DONE\]$/);
    }),
  );
  return { admitted, refused };
}

describe('a balance for exactly 20 requests', () => {
  it('lets in exactly 20 of 200 at once, and pays them to the nano-dollar', async () => {
    const money = 20n * (await holdOf(longStream));
    const tenant = await newTenant('Twenty', money);
    const before = upstreamCalls(longStream.model);
    const { admitted, refused } = await crowd(tenant, 200);
    expect(admitted).toHaveLength(20);
    expect(refused).toHaveLength(180);
    expect(upstreamCalls(longStream.model) - before).toBe(20);
    for (const { status, headers, body } of refused) {
      expect([status, headers.get('x-should-retry')]).toEqual([429, 'false']);
      expect(JSON.parse(body)).toMatchObject({ error: { code: 'insufficient_quota', type: 'insufficient_quota' } });
    }
    const charges = await until(
      () => chargesOf(tenant),
      (found) => found.length >= 20,
    );
    const { available, held } = await settledBalance(tenant);
    expect(charges).toHaveLength(20);
    expect(sum(charges)).toBeGreaterThan(0n);
    expect(held).toBe(0n);
    expect(available).toBe(money - sum(charges));
    expect(available).toBeGreaterThanOrEqual(0n);
  }, 90_000);

  it('of nothing is refused once: the official SDK does not try again', async () => {
    const tenant = await newTenant('Penniless');
    let requests = 0;
    const client = new OpenAI({
      apiKey: tenant.key,
      baseURL: gateway.baseUrl,
      fetch: (url, init) => {
        requests++;
        return fetch(url, init);
      },
    });
    const call = client.chat.completions.create({ model: 'sandbox/chat', messages: [{ role: 'user', content: 'Hi' }] });
    const error = await call.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ code: 'insufficient_quota', type: 'insufficient_quota' });
    expect(requests).toBe(1);
  });

  it('costs what each answer says, to the nano-dollar', async () => {
    const tenant = await newTenant('Told', tenDollars);
    let left = tenDollars;
    for (const tokens of [1, 17, 50]) {
      const answer = await answerOf(ask(tenant, { model: 'sandbox/chat', more: { max_tokens: tokens } }));
      const cost = BigInt(answer.headers.get(costHeader) ?? '-1');
      expect(cost).toBeGreaterThan(0n);
      left -= cost;
      const seen = await until(
        () => balanceOf(tenant),
        ({ available, held }) => held === 0n && available <= left,
      );
      expect(seen).toEqual({ available: left, held: 0n });
    }
  });
});

describe('a budget for exactly 5 requests', () => {
  it('lets in exactly 5 of 40 at once, and shows what was spent', async () => {
    const amount = 5n * (await holdOf(longStream));
    const tenant = await newTenant('Budgeted', tenDollars);
    const { id } = await manage<{ id: string }>(tenant.adminKey, 'organization/budgets', {
      scope: 'project',
      scope_id: tenant.project,
      period: 'month',
      amount_nano_usd: String(amount),
    });
    const { admitted, refused } = await crowd(tenant, 40);
    expect(admitted).toHaveLength(5);
    expect(refused).toHaveLength(35);
    for (const { status, headers, body } of refused) {
      expect([status, headers.get('x-should-retry')]).toEqual([429, 'false']);
      expect(JSON.parse(body)).toMatchObject({ error: { code: 'budget_exceeded' } });
    }
    const charges = await until(
      () => chargesOf(tenant),
      (found) => found.length >= 5,
    );
    const { available } = await settledBalance(tenant);
    expect(available).toBe(tenDollars - sum(charges));
    expect(await manage(tenant.adminKey, `organization/budgets/${id}`)).toMatchObject({
      amount_nano_usd: String(amount),
      held_nano_usd: '0',
      spent_nano_usd: String(sum(charges)),
    });
  }, 90_000);
});

describe('an Idempotency-Key', () => {
  const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

  it('gives the same bytes again and charges once', async () => {
    const tenant = await newTenant('Repeater', tenDollars);
    const question = { model: 'sandbox/chat', idempotencyKey: 'invoice-1' };
    const first = await ask(tenant, question);
    const bytes = await bytesOf(first);
    const second = await ask(tenant, question);
    expect((await bytesOf(second)).equals(bytes)).toBe(true);
    expect(bytes.length).toBeGreaterThan(0);
    expect([first, second].map(({ status }) => status)).toEqual([200, 200]);
    expect([first, second].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true']);
    expect(second.headers.get(costHeader)).toBe(first.headers.get(costHeader));
    expect(second.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
    const { available } = await settledBalance(tenant);
    expect(available).toBe(tenDollars - BigInt(first.headers.get(costHeader) ?? '-1'));
    expect(await chargesOf(tenant)).toHaveLength(1);
  });

  it('gives a stream again, byte for byte', async () => {
    const tenant = await newTenant('Streamer', tenDollars);
    const question = { model: 'sandbox/chat', idempotencyKey: 'stream-1', more: { stream: true } };
    const first = await answerOf(ask(tenant, question));
    const second = await answerOf(ask(tenant, question));
    expect(first.body.trimEnd()).toMatch(/data: \[DONE\]$/);
    expect(second.body).toBe(first.body);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'));
    await settledBalance(tenant);
    expect(await chargesOf(tenant)).toHaveLength(1);
  });

  it('runs once for 20 at once; the others wait or get the same answer', async () => {
    const tenant = await newTenant('Stampede', tenDollars);
    const question = { model: 'sandbox/slow', idempotencyKey: 'once' };
    const before = upstreamCalls(question.model);
    const answers = await Promise.all(Array.from({ length: 20 }, () => answerOf(ask(tenant, question))));
    const original = answers.filter(
      ({ status, headers }) => status === 200 && headers.get('idempotent-replayed') === null,
    );
    expect(original).toHaveLength(1);
    for (const { status, headers, body } of answers.filter((answer) => answer !== original[0])) {
      if (status === 200) expect(body).toBe(original[0]?.body);
      else {
        expect(JSON.parse(body)).toMatchObject({ error: { code: 'idempotency_in_progress' } });
        expect([status, headers.get('retry-after')]).toEqual([409, '1']);
      }
    }
    const last = await answerOf(ask(tenant, question));
    expect([last.status, last.body]).toEqual([200, original[0]?.body]);
    expect(upstreamCalls(question.model) - before).toBe(1);
    await settledBalance(tenant);
    expect(await chargesOf(tenant)).toHaveLength(1);
  }, 30_000);

  it('with another body is refused with 422, and nothing is charged for that', async () => {
    const tenant = await newTenant('Confused', tenDollars);
    const first = await answerOf(ask(tenant, { model: 'sandbox/chat', idempotencyKey: 'a' }));
    const other = await answerOf(ask(tenant, { model: 'sandbox/chat', content: 'Bye.', idempotencyKey: 'a' }));
    expect(first.status).toBe(200);
    expect(other.status).toBe(422);
    expect(JSON.parse(other.body)).toMatchObject({ error: { code: 'idempotency_key_reused' } });
    await settledBalance(tenant);
    expect(await chargesOf(tenant)).toHaveLength(1);
  });

  it('row 47: of one organization is nothing to another', async () => {
    const tenants = [await newTenant('One', tenDollars), await newTenant('Other', tenDollars)];
    const question = { model: 'sandbox/chat', content: 'Reply with exactly: mine', idempotencyKey: 'shared' };
    for (const tenant of tenants) {
      const answer = await answerOf(ask(tenant, question));
      expect([answer.status, answer.headers.get('idempotent-replayed')]).toEqual([200, null]);
      await settledBalance(tenant);
      expect(await chargesOf(tenant)).toHaveLength(1);
    }
    // Another body under the same key: the other's fingerprint is not looked at either.
    const third = await newTenant('Third', tenDollars);
    const answer = await answerOf(ask(third, { ...question, content: 'Reply with exactly: else' }));
    expect([answer.status, answer.headers.get('idempotent-replayed')]).toEqual([200, null]);
  });
});

describe('a stream that outlives its money', () => {
  it('is cut with `length`, says so in-band, and leaves the balance at or above its floor', async () => {
    const question = {
      model: 'sandbox/chat',
      content: 'Tell me of gateways in 4000 words.',
      more: { stream: true, max_tokens: 8_000 },
    };
    const money = (await holdOf(question)) + 1_000n;
    const tenant = await newTenant('Short', money);
    const { status, body } = await answerOf(ask(tenant, question));
    expect(status).toBe(200);
    const events = body
      .split('\n\n')
      .filter((event) => event.startsWith('data: '))
      .map((event) => event.slice('data: '.length));
    expect(events.length).toBeGreaterThan(100);
    expect(body).not.toContain('[DONE]');
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ error: { code: 'insufficient_quota' } });
    expect(JSON.parse(events.at(-2) ?? '')).toMatchObject({ choices: [{ index: 0, finish_reason: 'length' }] });
    const charges = await until(
      () => chargesOf(tenant),
      (found) => found.length > 0,
    );
    const { available, held } = await settledBalance(tenant);
    expect(charges).toHaveLength(1);
    expect(charges[0]).toBeGreaterThan(money / 2n);
    expect([available, held]).toEqual([money - (charges[0] ?? 0n), 0n]);
    expect(available).toBeGreaterThanOrEqual(0n);
  }, 60_000);
});
