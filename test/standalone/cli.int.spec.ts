import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cleanEnvironment, type GatewayProcess, startGateway } from '../support/gateway-process.js';

const root = join(import.meta.dirname, '..', '..');
const program = join(root, 'deploy/cli/modapi.mjs');

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

interface Place {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

let gateway: GatewayProcess;
let emptyFolder: string;

beforeAll(async () => {
  emptyFolder = mkdtempSync(join(tmpdir(), 'modapi-cli-'));
  gateway = await startGateway();
}, 180_000);

afterAll(async () => {
  await gateway?.stop();
  rmSync(emptyFolder, { recursive: true, force: true });
}, 60_000);

function execute(file: string, words: readonly string[], { env = {}, cwd = emptyFolder }: Place = {}): Promise<Run> {
  const { OPENAI_BASE_URL: _url, OPENAI_API_KEY: _key, OPENAI_ADMIN_KEY: _admin, ...rest } = cleanEnvironment();
  const child = spawn(file, words, { cwd, env: { ...rest, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

/** Asks again until it holds. */
async function until<Value>(
  ask: () => Promise<Value>,
  holds: (value: Value) => boolean,
  patienceMs = 20_000,
): Promise<Value> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const value = await ask();
    if (holds(value)) return value;
    if (performance.now() > deadline) throw new Error(`not reached in ${patienceMs} ms: ${JSON.stringify(value)}`);
    await delay(50);
  }
}

/** As whoever runs the gateway, by the environment: no key is on the command line. */
const operator = (): Record<string, string> => ({
  OPENAI_BASE_URL: gateway.baseUrl,
  OPENAI_ADMIN_KEY: gateway.adminKey,
});
const modapi = (words: readonly string[], env = operator()): Promise<Run> =>
  execute(process.execPath, [program, ...words], { env });

/** What a command that must succeed prints. */
async function told(words: readonly string[], env = operator()): Promise<string> {
  const run = await modapi(words, env);
  expect(run).toMatchObject({ code: 0, err: '' });
  return run.out;
}

const json = async <Data>(words: readonly string[], env = operator()): Promise<Data> =>
  JSON.parse(await told([...words, '--json'], env)) as Data;

/** Lines of a table: columns, rule, rows. */
const lines = (table: string): string[] => table.trimEnd().split('\n');

function call(key: string, path = 'chat/completions', body?: object): Promise<Response> {
  return fetch(`${gateway.baseUrl}/${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
}
const chat = (key: string, model = 'sandbox/chat') =>
  call(key, 'chat/completions', { model, max_tokens: 9, messages: [{ role: 'user', content: 'Say hello.' }] });

interface CreatedOrganization {
  id: string;
  default_project_id: string;
  admin_api_key: { value: string };
}
interface CreatedKey {
  id: string;
  value: string;
}

const dollarsOf = (nanos: bigint): string => `0.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;

async function newOrganization(name: string, mode = 'prepaid') {
  const made = await json<CreatedOrganization>(['orgs', 'create', name, '--mode', mode]);
  const env = { OPENAI_BASE_URL: gateway.baseUrl, OPENAI_ADMIN_KEY: made.admin_api_key.value };
  return { id: made.id, project: made.default_project_id, env };
}

describe('modapi orgs', () => {
  it('makes an organization whose own admin key works, and shows the key once', async () => {
    const out = await told(['orgs', 'create', 'Acme', '--mode', 'postpaid']);
    const [id = '', note, adminKey = ''] = lines(out);
    expect([id, note]).toEqual([expect.stringMatching(/^org_/), 'Its admin key, shown only now:']);
    const env = { OPENAI_BASE_URL: gateway.baseUrl, OPENAI_ADMIN_KEY: adminKey };
    expect(await told(['projects', 'list'], env)).toContain('proj_');
    const list = await told(['orgs', 'list']);
    expect(lines(list)[0]).toMatch(/^id +name +mode +created +disabled$/);
    expect(list).toMatch(new RegExp(`${id} +Acme +postpaid +\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d +no`));
    expect(list).not.toContain(adminKey);
  });

  it('disables and enables', async () => {
    const { id, env } = await newOrganization('Blinker');
    expect(await told(['orgs', 'disable', id])).toBe(`${id} is disabled: its keys are refused\n`);
    const refused = await until(
      () => modapi(['balance'], env),
      ({ code }) => code === 1,
    );
    expect(refused.out).toBe('');
    expect(await told(['orgs', 'enable', id])).toBe(`${id} is enabled\n`);
    await until(
      () => modapi(['balance'], env),
      ({ code }) => code === 0,
    );
  });

  it('is for the operator only', async () => {
    const { env } = await newOrganization('Curious');
    const run = await modapi(['orgs', 'list'], env);
    expect(run).toMatchObject({ code: 1, out: '' });
    expect(run.err).toMatch(/insufficient_scope, req_/);
  });
});

describe('modapi projects and keys', () => {
  it('makes, lists and archives projects', async () => {
    const { env, project } = await newOrganization('Builder');
    const made = (await told(['projects', 'create', 'Web site'], env)).trimEnd();
    expect(made).toMatch(/^proj_/);
    const list = await json<{ id: string; name: string }[]>(['projects', 'list'], env);
    expect(list.map(({ id }) => id).toSorted()).toEqual([made, project].toSorted());
    expect(await told(['projects', 'archive', made], env)).toBe(`${made} is archived\n`);
    expect(await told(['projects', 'list'], env)).toMatch(new RegExp(`${made} +Web site +archived`));
  });

  it('makes, lists, rotates and revokes keys', async () => {
    const { env } = await newOrganization('Keymaster', 'postpaid');
    const out = await told(['keys', 'create', 'server', '--models', 'sandbox/*', '--expires-in', '3600'], env);
    const key = lines(out).at(-1) ?? '';
    expect(lines(out).at(-2)).toBe('The key, shown only now:');
    expect((await chat(key)).status).toBe(200);
    const [{ id } = { id: '' }] = await json<CreatedKey[]>(['keys', 'list'], env);
    const table = await told(['keys', 'list'], env);
    expect(lines(table)[0]).toMatch(/^id +name +key +created +last used +expires$/);
    expect(table).toContain(`${id}  server`);
    expect(table).not.toContain(key);

    const next = await json<CreatedKey>(['keys', 'rotate', id, '--overlap', '600'], env);
    expect((await chat(key)).status).toBe(200);
    expect((await chat(next.value)).status).toBe(200);
    expect(await told(['keys', 'revoke', next.id], env)).toBe(`${next.id} is revoked\n`);
    await until(
      () => chat(next.value),
      ({ status }) => status === 401,
      2_000,
    );
  });

  it('makes keys with limits and addresses, which hold', async () => {
    const { env } = await newOrganization('Limiter', 'postpaid');
    const limits = ['--rpm', '1', '--tpm', '5000', '--ips', '127.0.0.1,10.0.0.0/8'];
    const key = await json<CreatedKey>(['keys', 'create', 'k', ...limits], env);
    expect(key).toMatchObject({
      requests_per_minute: 1,
      tokens_per_minute: 5_000,
      ip_allow_list: ['127.0.0.1', '10.0.0.0/8'],
    });
    expect((await chat(key.value)).status).toBe(200);
    expect((await chat(key.value)).status).toBe(429);
    const away = await json<CreatedKey>(['keys', 'create', 'away', '--ips', '10.0.0.1'], env);
    expect((await chat(away.value)).status).toBe(403);
  });

  it('asks which project where there are several, and takes no lifetime that is none', async () => {
    const { env, project } = await newOrganization('Chooser');
    await told(['projects', 'create', 'Second'], env);
    const run = await modapi(['keys', 'list'], env);
    expect([run.code, run.out]).toEqual([2, '']);
    expect(run.err).toMatch(/^--project which\? .*\(Second\)/);
    for (const lifetime of ['soon', '-1', '', '1e3', '1.5']) {
      const words = ['keys', 'create', 'k', '--project', project, `--expires-in=${lifetime}`];
      expect(await modapi(words, env)).toMatchObject({ code: 2, out: '' });
    }
    expect(await modapi(['keys', 'rotate', 'key_1', '-p', project, '--overlap', 'soon'], env)).toMatchObject({
      code: 2,
      err: '--overlap takes a whole number, not soon\n',
    });
    expect(await told(['keys', 'list', '-p', project], env)).toBe('nothing there\n');
  });

  it('takes an id for an id, whatever is in it', async () => {
    const { env, project } = await newOrganization('Walker');
    const run = await modapi(['projects', 'archive', `x/../${project}`], env);
    expect(run.code).toBe(1);
    expect(await json<{ status: string }[]>(['projects', 'list'], env)).toEqual([
      expect.objectContaining({ status: 'active' }),
    ]);
  });
});

describe('a noun alone', () => {
  it.each(['orgs', 'projects', 'keys', 'budgets'])('lists: %s', async (noun) => {
    expect(await told([noun])).toBe(await told([noun, 'list']));
    expect(await told([noun, '--help'])).toContain(`modapi ${noun} create`);
  });
});

describe('modapi budgets', () => {
  it('makes, lists and deletes them, for a key, a project or all', async () => {
    const { id, project, env } = await newOrganization('Saver', 'postpaid');
    const key = await json<CreatedKey>(['keys', 'create', 'k'], env);
    const scopes = { [key.id]: ['--key', key.id], [project]: ['-p', project], [id]: [] };
    for (const [scope, words] of Object.entries(scopes)) {
      const table = lines(await told(['budgets', 'create', '0.50', '--period', 'month', ...words], env));
      expect(table[0]).toMatch(/^id +of +period +budget \$ +spent \$ +held \$$/);
      expect(table[2]?.split(/ +/)).toEqual([expect.any(String), scope, 'month', '0.50', '0.00', '0.00']);
    }
    const made = await json<{ id: string; scope: string; scope_id: string }[]>(['budgets'], env);
    expect(new Map(made.map((one) => [one.scope_id, one.scope]))).toEqual(
      new Map([
        [key.id, 'api_key'],
        [project, 'project'],
        [id, 'organization'],
      ]),
    );
    for (const one of made) expect(await told(['budgets', 'delete', one.id], env)).toBe(`${one.id} is deleted\n`);
    expect(await told(['budgets', 'list'], env)).toBe('nothing there\n');
  });
});

describe('modapi audit', () => {
  it('shows who changed what, the newest first', async () => {
    const { env } = await newOrganization('Watcher');
    await told(['projects', 'create', 'Seen'], env);
    await told(['budgets', 'create', '5', '--period', 'day'], env);
    const table = lines(await told(['audit'], env));
    expect(table[0]).toMatch(/^time +what +by +project +details$/);
    expect(table[2]).toMatch(/budget\.created +key_\w+ .*"amount_nano_usd":"5000000000"/);
    expect(table[3]).toMatch(/project\.created +key_\w+ +Seen /);
  });
});

describe('modapi and money', () => {
  it('books a reference once, and shows the balance', async () => {
    const { id, env } = await newOrganization('Payer');
    const topUp = ['topup', '12.50', '--reference', 'invoice-1', '-o', id];
    expect(await told(topUp)).toBe('12.50 $ booked, 12.50 $ available\n');
    expect((await modapi(topUp)).code).toBe(0);
    const table = lines(await told(['balance'], env));
    expect(table[0]).toMatch(/^mode +available \$ +held \$ +overdraft \$$/);
    expect(table[2]).toMatch(/^prepaid +12\.50 +0\.00 +0\.00$/);
    expect(await json(['balance'], env)).toMatchObject({ mode: 'prepaid', available_nano_usd: '12500000000' });
    const other = await modapi(['topup', '13', '--reference', 'invoice-1', '-o', id]);
    expect([other.code, other.out]).toEqual([1, '']);
    expect((await json<{ available_nano_usd: string }>(['balance'], env)).available_nano_usd).toBe('12500000000');
  });

  it('gives back what a request was charged, once, and lists what was booked', async () => {
    const { id, env } = await newOrganization('Claimant');
    await told(['topup', '1', '--reference', 'invoice-1', '-o', id]);
    const key = await json<CreatedKey>(['keys', 'create', 'k'], env);
    const answer = await chat(key.value);
    const dollars = dollarsOf(BigInt(answer.headers.get('x-modapi-cost-nano-usd') ?? '0'));
    const request = answer.headers.get('x-request-id') ?? '';
    const refund = ['refund', request, dollars, '--reference', 'complaint-1', '-o', id];
    // A charge is booked soon after its answer.
    const booked = await until(
      () => modapi(refund),
      ({ code }) => code === 0,
    );
    expect(booked.out).toBe(`${dollars} $ given back, 1.00 $ available\n`);
    expect((await modapi(refund)).code).toBe(0);
    expect((await modapi(['refund', request, '0.01', '--reference', 'complaint-2', '-o', id])).code).toBe(1);
    expect((await modapi(refund.with(4, 'complaint-3').slice(0, -2), env)).err).toContain('insufficient_scope');
    expect((await json<{ available_nano_usd: string }>(['balance'], env)).available_nano_usd).toBe('1000000000');
    const table = lines(await told(['transactions'], env));
    expect(table[0]).toMatch(/^time +kind +\$ +reference +request$/);
    expect(table).toHaveLength(4);
    expect(table.join('\n')).toMatch(/ top_up +1\.00 +invoice-1 +-$/m);
    expect(table.join('\n')).toMatch(new RegExp(` refund +${dollars} +complaint-1 +${request}$`, 'm'));
  });

  it('moves nothing for who is no operator', async () => {
    const { env } = await newOrganization('Hopeful');
    expect(await modapi(['topup', '5', '--reference', 'gift'], env)).toMatchObject({ code: 1, out: '' });
    expect(await modapi(['billing', '--mode', 'postpaid'], env)).toMatchObject({ code: 1, out: '' });
    expect(await json(['balance'], env)).toMatchObject({ mode: 'prepaid', available_nano_usd: '0' });
  });

  it.each(['0.0000000001', '1,5', '1e3', '', '12.', '.5', '٣'])('takes %j for no amount', async (amount) => {
    const run = await modapi(['topup', amount, '--reference', 'r']);
    expect([run.code, run.out]).toEqual([2, '']);
    expect(run.err).toContain('is no amount: write dollars such as 20 or 12.50');
  });

  it('changes how an organization pays', async () => {
    const { id, env } = await newOrganization('Switcher');
    const table = lines(await told(['billing', '--mode', 'prepaid', '--overdraft', '0.000000001', '-o', id]));
    expect(table[2]).toMatch(/^prepaid +0\.00 +0\.00 +0\.000000001$/);
    expect(await json(['balance'], env)).toMatchObject({ overdraft_nano_usd: '1' });
    expect(lines(await told(['billing', '--mode', 'postpaid', '-o', id]))[2]).toMatch(/^postpaid +0\.00 +0\.00 +-$/);
  });

  it('reports usage and costs that are the ledger’s', async () => {
    const { project, env } = await newOrganization('Reporter', 'postpaid');
    expect(await told(['usage'], env)).toBe('no usage in this time\n');
    const key = await json<CreatedKey>(['keys', 'create', 'k'], env);
    const answer = await chat(key.value);
    const { usage } = (await answer.json()) as { usage: { prompt_tokens: number; completion_tokens: number } };
    const nanos = BigInt(answer.headers.get('x-modapi-cost-nano-usd') ?? '0');
    expect(nanos).toBeGreaterThan(0n);
    const shown = await until(
      () => told(['usage', '--days', '2'], env),
      (out) => !out.startsWith('no usage'),
    );
    const table = lines(shown);
    expect(table[0]).toMatch(/^day +model +requests +input +cached +output$/);
    expect(table[2]?.split(/ +/)).toEqual([
      expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      ...['sandbox/chat', '1', String(usage.prompt_tokens), '0', String(usage.completion_tokens)],
    ]);
    const dollars = dollarsOf(nanos);
    const groups = { project: `${project}  Default`, key: `${key.id}  k`, model: 'sandbox/chat' };
    for (const [by, group] of Object.entries(groups)) {
      const costs = await told(['costs', '--days', '40', '--by', by], env);
      expect(costs).toContain(`  ${group}  `);
      expect(costs).toContain(dollars);
      expect(lines(costs).at(-1)).toBe(`total ${dollars} $`);
      expect(await told(['usage', '--by', by], env)).toContain(`  ${group}  `);
    }
    await told(['keys', 'revoke', key.id], env);
    expect(await told(['usage', '--by', 'key'], env)).toMatch(new RegExp(`${key.id} +- +1 `));
    const buckets = await json<{ results: { amount: { nano_usd: string } }[] }[]>(['costs'], env);
    expect(buckets).toHaveLength(7);
    expect(buckets.flatMap(({ results }) => results).map(({ amount }) => amount.nano_usd)).toEqual([String(nanos)]);
  });
});

describe('modapi doctor', () => {
  it('is content with a gateway that works', async () => {
    const out = await told(['doctor']);
    const checks = ['gateway', 'admin key', 'organization', 'operator', 'money', 'keys'];
    for (const what of checks) expect(out).toContain(`ok  ${what}`);
    expect(await json<{ ok: boolean }[]>(['doctor'])).toHaveLength(checks.length);
  });

  it('says what is missing, and ends with 1', async () => {
    const { env } = await newOrganization('Patient');
    const run = await modapi(['doctor'], env);
    expect([run.code, run.err]).toEqual([1, '']);
    expect(run.out).toMatch(/BAD +money +prepaid, and nothing is left: modapi topup/);
    expect(run.out).toMatch(/BAD +keys +no key to call models with: modapi keys create NAME/);
    expect(run.out).toMatch(/ok +organization +it is enabled/);
    const away = await modapi(['doctor'], { ...operator(), OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' });
    expect(away.code).toBe(1);
    expect(away.out).toMatch(/BAD +gateway +http:\/\/127\.0\.0\.1:1\/v1 does not answer \(/);
  });
});

describe('modapi doctor of a disabled organization', () => {
  it('says so to the operator and to the organization', async () => {
    const { id, env } = await newOrganization('Sleeper', 'postpaid');
    expect((await modapi(['doctor', '-o', id])).out).toMatch(/ok +organization +Sleeper is enabled/);
    await told(['orgs', 'disable', id]);
    const run = await modapi(['doctor', '-o', id]);
    expect([run.code, run.err]).toEqual([1, '']);
    expect(run.out).toMatch(new RegExp(`BAD +organization +disabled, its keys are refused: modapi orgs enable ${id}`));
    await until(
      () => modapi(['doctor'], env),
      ({ out }) => /BAD +organization +disabled: only the operator can enable it/.test(out),
    );
  });
});

describe('a command line', () => {
  it.each([
    [[], 'modapi orgs create NAME'],
    [['nonsense'], 'unknown command: nonsense'],
    [['keys', 'nonsense'], 'modapi keys revoke ID'],
    [['topup', '-5', '--reference', 'r'], '-5: nothing here takes a number below zero'],
    [['topup', '99999999999999', '--reference', 'r'], '99999999999999 is too much: at most 999999999.999999999 $'],
    [['refund', 'req_1', '1'], '--reference is missing'],
    [['budgets', 'create', '5'], '--period is one of day, month, total'],
    [['budgets', 'create', '5', '--period', 'day', '-p', 'a', '--key', 'b'], '--project or --key'],
    [['keys', 'create', 'k', '--rpm', 'many'], '--rpm takes a whole number, not many'],
    [['keys', 'revoke'], 'usage: modapi keys revoke ID'],
    [['balance', 'now'], 'usage: modapi balance'],
    [['balance', '--days', '3'], '--days means nothing here; usage: modapi balance'],
    [['balance', '--colour'], '--colour'],
    [['topup', '5'], '--reference is missing'],
    [['usage', '--days', '0'], '--days is a number from 1 to 999'],
    [['costs', '--by', 'constructor'], '--by is one of model, project, key'],
  ])('that is wrong, %j, ends with 2 and help', async (words, help) => {
    const run = await modapi(words);
    expect([run.code, run.out]).toEqual([2, '']);
    expect(run.err).toContain(help);
    expect(run.err).not.toContain('    at ');
  });

  it.each([
    [['--help'], 'modapi orgs create NAME'],
    [['keys', '-h'], 'modapi keys rotate ID'],
    [['topup', '--help'], 'modapi topup DOLLARS --reference TEXT'],
  ])('that asks for help, %j, gets it and ends with 0', async (words, help) => {
    const run = await modapi(words, {});
    expect([run.code, run.err]).toEqual([0, '']);
    expect(run.out).toContain(help);
    expect(run.out).toContain('--data-dir FOLDER');
  });

  it('finds the gateway of a data folder, and says where to get one', async () => {
    const stranger = { OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', OPENAI_ADMIN_KEY: 'sk-of-somebody-else' };
    expect(await told(['balance', '--data-dir', gateway.dataDir], stranger)).toContain('postpaid');
    const run = await modapi(['balance'], {});
    expect([run.code, run.out]).toEqual([2, '']);
    expect(run.err).toMatch(/^no gateway: start one in this folder \(npm start\)/);
  });

  it('tells the key of a data folder to no other server', async () => {
    const run = await modapi(['balance', '--data-dir', gateway.dataDir, '--base-url', 'http://127.0.0.1:1/v1'], {});
    expect(run).toEqual({
      code: 2,
      out: '',
      err: 'no admin key for http://127.0.0.1:1/v1: set OPENAI_ADMIN_KEY (--admin-key)\n',
    });
  });
});

describe('an error', () => {
  it('of the API is one line with its code and request id, no stack, and no key', async () => {
    const run = await modapi(['projects', 'archive', 'proj_none']);
    expect([run.code, run.out]).toEqual([1, '']);
    expect(run.err).toMatch(/^[^\n]+ \(\w+, req_\w+\)\n$/);
    const refused = await modapi(['balance'], { ...operator(), OPENAI_ADMIN_KEY: `${gateway.adminKey}x` });
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/^[^\n]+ \(invalid_api_key, req_\w+\)\n$/);
    expect(refused.err).not.toContain(gateway.adminKey);
  });

  it('of the network, or of a server that is no gateway, is one line too', async () => {
    const away = await modapi(['balance'], { ...operator(), OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' });
    expect(away).toMatchObject({ code: 1, out: '' });
    expect(away.err).toMatch(/^http:\/\/127\.0\.0\.1:1\/v1 does not answer \([^\n]+\)\. Is the gateway running\?\n$/);
    for (const body of ['<html></html>', 'null', '[]', '{}', '"text"']) {
      const other = await modapi(['projects', 'list'], await answering(200, body));
      expect(other).toMatchObject({ code: 1, out: '' });
      expect(other.err).toMatch(/answers 200, but not as a ModAPI gateway does[^\n]*\n$/);
    }
  });
});

describe('a name that would steer a terminal', () => {
  const evil = 'a\u001b[2J\u009b31mb\u202e\r\nc';
  const steering = /[^\P{C}\n]/u;

  it('is refused by the gateway where it has control codes, and shown harmlessly where it turns letters round', async () => {
    const { env } = await newOrganization('Artist');
    expect(await modapi(['projects', 'create', 'a\u001b[2J'], env)).toMatchObject({ code: 1, out: '' });
    await told(['projects', 'create', 'a\u202eb'], env);
    expect(await told(['projects', 'list'], env)).toContain('a?b');
    expect((await modapi(['keys', 'list'], env)).err).toContain('(a?b)');
  });

  it('reaches it neither by a table, nor as JSON, nor in an error', async () => {
    const page = {
      object: 'list',
      data: [
        { id: 'proj_1', name: evil, status: 'active' },
        { id: 'proj_2', name: evil },
      ],
    };
    const env = await answering(200, JSON.stringify(page));
    const table = await told(['projects', 'list'], env);
    expect(lines(table)).toHaveLength(4);
    expect(table).not.toMatch(steering);
    const text = await told(['projects', 'list', '--json'], env);
    expect(text).not.toMatch(steering);
    expect(JSON.parse(text)).toEqual(page.data);
    const asked = await modapi(['keys', 'list'], env);
    expect(asked.err).toContain('proj_2');
    expect(asked.err).not.toMatch(steering);
    const failed = await modapi(['balance'], await answering(400, JSON.stringify({ error: { message: evil } })));
    expect(failed.code).toBe(1);
    expect(failed.err).not.toMatch(steering);
  });
});

const servers: { close(): void }[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** A server that says the same to everything. */
async function answering(status: number, body: string): Promise<Record<string, string>> {
  const server = createServer((_request, response) => response.writeHead(status).end(body));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`, OPENAI_ADMIN_KEY: 'sk-nobody' };
}

describe('the commands of the README', () => {
  it('work as they stand there, in the folder of the project', async () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const commands = readme.split('\n').filter((line) => line.startsWith('npx modapi '));
    expect(commands.length).toBeGreaterThanOrEqual(5);
    // Steps 1 to 4 came before: something is owed already.
    expect((await chat(gateway.apiKey)).status).toBe(200);
    for (const command of commands) {
      const run = await execute('sh', ['-c', command], { env: operator(), cwd: root });
      if (run.code !== 0) throw new Error(`${command} ended with ${run.code}: ${run.err}`);
    }
    const { mode, available_nano_usd: available } = await json<{ mode: string; available_nano_usd: string }>([
      'balance',
    ]);
    expect(mode).toBe('prepaid');
    expect(BigInt(available)).toBeLessThan(20_000_000_000n);
    expect(BigInt(available)).toBeGreaterThan(19_000_000_000n);
  }, 60_000);
});
