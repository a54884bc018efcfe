import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const root = join(import.meta.dirname, '..', '..');

export interface GatewayProcess {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly adminKey: string;
  readonly dataDir: string;
  readonly child: ChildProcess;
  /** What it printed so far. */
  output(): string;
  /** SIGINT, as Ctrl-C sends it; resolves with the exit code. */
  stop(): Promise<number | null>;
}

export interface StartOptions {
  arguments?: readonly string[];
  env?: Record<string, string>;
  /** Kept by the caller, for a second start; else a new folder that `stop` removes. */
  dataDir?: string;
}

/** Starts the gateway as a user does and waits until it is ready. */
export async function startGateway(options: StartOptions = {}): Promise<GatewayProcess> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'modapi-test-'));
  const child = spawn(
    process.execPath,
    [join(root, 'deploy/local/start.mjs'), '--port', '0', '--data-dir', dataDir, ...(options.arguments ?? [])],
    { cwd: root, env: cleanEnvironment(options.env), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGINT');
    const code = await Promise.race([exited, delay(30_000, 'late' as const, { ref: false })]);
    if (code === 'late') child.kill('SIGKILL');
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    return code === 'late' ? null : code;
  };
  try {
    const env = await waitForClientEnv(child, dataDir, () => printed);
    return {
      baseUrl: env['OPENAI_BASE_URL'] ?? '',
      apiKey: env['OPENAI_API_KEY'] ?? '',
      adminKey: env['OPENAI_ADMIN_KEY'] ?? '',
      dataDir,
      child,
      output: () => printed,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const notForTheGateway = /^(NODE_OPTIONS|NODE_ENV|JEST_WORKER_ID|MODAPI_|OTEL_|(NATS|REDIS|DATABASE)_URL$)/;

/**
 * jest's own variables must not reach the gateway: it would resolve sources instead of the build. Neither must the
 * developer's: the tests bring what they mean.
 */
export function cleanEnvironment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const rest = Object.entries(process.env).filter(([name]) => !notForTheGateway.test(name));
  return { ...Object.fromEntries(rest), ...extra };
}

async function waitForClientEnv(
  child: ChildProcess,
  dataDir: string,
  printed: () => string,
): Promise<Record<string, string>> {
  const file = join(dataDir, 'client.env');
  const deadline = performance.now() + 120_000;
  while (performance.now() < deadline) {
    const ended = child.exitCode ?? child.signalCode;
    if (ended !== null) throw new Error(`the gateway ended with ${ended}:\n${printed()}`);
    if (existsSync(file)) {
      const env = parseEnv(readFileSync(file, 'utf8'));
      if (await ready(env['OPENAI_BASE_URL'])) return env;
    }
    await delay(50);
  }
  throw new Error(`the gateway was not ready in two minutes:\n${printed()}`);
}

async function ready(baseUrl: string | undefined): Promise<boolean> {
  if (!baseUrl) return false;
  try {
    return (await fetch(new URL('/readyz', baseUrl))).ok;
  } catch {
    // Not listening yet (or the file of an earlier run): ask again.
    return false;
  }
}

function parseEnv(text: string): Record<string, string> {
  const lines = text.split('\n').map((line) => /^([A-Z_]+)=["']?(.*?)["']?$/.exec(line));
  return Object.fromEntries(lines.flatMap((match) => (match ? [[match[1] ?? '', match[2] ?? '']] : [])));
}

export interface ProcessInfo {
  pid: number;
  parent: number;
  command: string;
}

/** All living processes below `pid`, from /proc. */
export function descendants(pid: number): ProcessInfo[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)));
  const found: ProcessInfo[] = [];
  const parents = new Set([pid]);
  for (let added = true; added;) {
    added = false;
    for (const info of all) {
      if (!parents.has(info.parent) || parents.has(info.pid)) continue;
      parents.add(info.pid);
      found.push(info);
      added = true;
    }
  }
  return found;
}

function readProcess(pid: number): ProcessInfo[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return [];
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return [{ pid, parent: Number(parent), command }];
  } catch {
    // It ended while we looked.
    return [];
  }
}
