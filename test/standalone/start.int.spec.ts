import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cleanEnvironment, descendants, type GatewayProcess, startGateway } from '../support/gateway-process.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
let folder: string;
let dataDir: string;
let gateway: GatewayProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modapi-npm-start-'));
  dataDir = join(folder, 'data');
  gateway = await startGateway({ dataDir });
}, 180_000);

afterAll(async () => {
  await gateway?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** What a start that fails prints, and its exit code. */
function failingStart(...args: string[]): Promise<{ code: number | null; lines: string[] }> {
  const child = spawn(process.execPath, ['deploy/local/start.mjs', ...args], { cwd: root, env: cleanEnvironment() });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  return new Promise((resolve) =>
    child.once('close', (code) => resolve({ code, lines: printed.split('\n').filter((line) => line !== '') })),
  );
}

/** A block of the welcome, as a user copies it: from its title to the next empty line after `last`. */
function snippet(title: string, last: RegExp): string {
  const text = gateway.output();
  const start = text.indexOf('\n', text.indexOf(`# ${title}`)) + 1;
  const end = start + (last.exec(text.slice(start))?.index ?? 0);
  return text.slice(start, text.indexOf('\n', end + 1) + 1);
}

/** Pasted into a shell in the clone, where `npm start` installed the `openai` package. */
async function paste(text: string): Promise<string> {
  const PATH = `${dirname(process.execPath)}:${process.env['PATH']}`;
  const { stdout } = await run('sh', ['-c', text], { cwd: root, env: { PATH, HOME: folder } });
  return stdout;
}

async function chat(): Promise<Response> {
  return fetch(`${gateway.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'sandbox/chat', messages: [{ role: 'user', content: 'Hello!' }] }),
  });
}

function isAlive(pid: number): boolean {
  try {
    // A zombie is gone: only its parent has not looked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function untilGone(pids: readonly number[]): Promise<number[]> {
  for (let waitedMs = 0; waitedMs < 10_000 && pids.some(isAlive); waitedMs += 50) await sleep(50);
  return pids.filter(isAlive);
}

const postgresPid = (): number =>
  Number.parseInt(readFileSync(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8'), 10);

describe('npm start', () => {
  it('prints a curl snippet that answers when pasted', async () => {
    const answer = JSON.parse(await paste(snippet('curl', /-d '/))) as { choices: { message: { content: string } }[] };
    expect(answer.choices[0]?.message.content.length).toBeGreaterThan(0);
  });

  it('prints a Node snippet that answers when pasted', async () => {
    expect((await paste(snippet('Node', /^EOF$/m))).trim().length).toBeGreaterThan(0);
  });

  it('prints a Python snippet with its address and key', () => {
    const text = snippet('Python', /^EOF$/m);
    expect(text).toContain(`OpenAI(base_url="${gateway.baseUrl}", api_key="${gateway.apiKey}")`);
    expect(text.startsWith("python3 - <<'EOF'\n") && text.endsWith('\nEOF\n')).toBe(true);
  });

  it('writes client.env and keys for the owner only', () => {
    const modes = ['client.env', 'keys.json', 'postgres/password'].map(
      (name) => statSync(join(dataDir, name)).mode & 0o777,
    );
    expect(modes.map((mode) => mode.toString(8))).toEqual(['600', '600', '600']);
    expect(gateway.baseUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
    expect(gateway.adminKey).toMatch(/^sk-modapi-admin-/);
  });

  it('refuses a data folder in use with one line', async () => {
    const { code, lines } = await failingStart('--port', '0', '--data-dir', dataDir);
    expect([code, lines.length]).toEqual([1, 1]);
    expect(lines[0]).toContain(`${dataDir} is in use by another ModAPI (pid `);
    expect((await chat()).status).toBe(200);
  }, 30_000);

  it('refuses a busy port with one line, and leaves no process', async () => {
    const occupant = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => occupant.once('listening', resolve));
    const { port } = occupant.address() as { port: number };
    const other = join(folder, 'other');
    const { code, lines } = await failingStart('--port', String(port), '--data-dir', other);
    occupant.close();
    expect(lines).toEqual([`modapi: port ${port} on 127.0.0.1 is in use: choose another, or 0 for a free one`]);
    expect(code).toBe(1);
    expect(existsSync(join(other, 'postgres/data/postmaster.pid'))).toBe(false);
  }, 60_000);

  it('refuses a configuration that cannot be read, and an unknown option, with one line', async () => {
    const missing = join(folder, 'missing.yaml');
    const other = join(folder, 'third');
    expect(await failingStart('--port', '0', '--data-dir', other, '--config', missing)).toEqual({
      code: 1,
      lines: [`modapi: cannot read the configuration ${missing} (ENOENT)`],
    });
    expect(await failingStart('--prot', '0')).toEqual({
      code: 1,
      lines: ['modapi: unknown option --prot; did you mean --port? (--help lists all)'],
    });
  }, 60_000);

  it('leaves no process after a Ctrl-C that npm passes on too, and keeps key and data for the next start', async () => {
    const pids = [gateway.child.pid ?? 0, postgresPid(), ...descendants(gateway.child.pid ?? 0).map(({ pid }) => pid)];
    const exited = new Promise((resolve) => gateway.child.once('exit', resolve));
    gateway.child.kill('SIGINT');
    gateway.child.kill('SIGINT');
    expect(await exited).toBe(0);
    expect(await untilGone(pids)).toEqual([]);
    const firstKey = gateway.apiKey;
    gateway = await startGateway({ dataDir });
    expect(gateway.apiKey).toBe(firstKey);
    expect((await chat()).status).toBe(200);
  }, 60_000);

  it('takes its Postgres along when it is killed, and starts again on the same data', async () => {
    const pids = [gateway.child.pid ?? 0, postgresPid()];
    gateway.child.kill('SIGKILL');
    expect(await untilGone(pids)).toEqual([]);
    gateway = await startGateway({ dataDir });
    expect((await chat()).status).toBe(200);
  }, 60_000);
});
