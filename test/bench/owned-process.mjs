// Processes that the bench starts: each is stopped by its own pid, whatever happens to the bench.
import { fork, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');
const pinned = join(root, 'node_modules', '.bin', 'node');
/** The pinned Node 24 where the registry package exists for this platform. */
export const node = existsSync(pinned) ? pinned : process.execPath;

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/** The machine's own services must not leak into a system under test: each brings its own. */
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(NATS_URL|REDIS_URL|DATABASE_URL|MODAPI_|OTEL_|NODE_OPTIONS)/.test(name),
  ),
);

function own(child) {
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.on('error', () => running.delete(child));
  return child;
}

/**
 * Starts one of the bench's own servers; it sends `{ port }` when it listens.
 * @param {string} script
 * @param {string[]} argv
 */
export async function startServer(script, argv = []) {
  const child = own(
    fork(join(import.meta.dirname, script), argv, {
      execPath: node,
      env: inherited,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    }),
  );
  const ready = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${script} did not start within 10 s`)), 10_000);
    child.once('message', (message) => {
      clearTimeout(timer);
      resolve(message);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${script} ended with ${code} at start`));
    });
  });
  return { child, ...ready };
}

/** Into a file, as an operator would have it: reading a pipe would take CPU from the machine that is measured. */
const logs = mkdtempSync(join(tmpdir(), 'modapi-bench-logs-'));
process.once('exit', () => rmSync(logs, { recursive: true, force: true }));

/**
 * Starts a foreign program; the end of its output is kept for the error message.
 * @param {{ command: string, argv: string[], env?: Record<string, string>, cwd?: string }} program
 */
export function startProgram({ command, argv, env = {}, cwd = root }) {
  const path = join(logs, `${randomUUID()}.log`);
  const log = openSync(path, 'w');
  const child = own(spawn(command, argv, { cwd, env: { ...inherited, ...env }, stdio: ['ignore', log, log] }));
  closeSync(log);
  return { child, lastOutput: () => readFileSync(path, 'utf8').slice(-3000).trim() };
}

/** @type {WeakMap<import('node:child_process').ChildProcess, Promise<void>>} */
const stopping = new WeakMap();

async function askThenInsist(child, graceMs) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  await new Promise((resolve) => {
    const insist = setTimeout(() => child.kill('SIGKILL'), graceMs);
    child.once('exit', () => {
      clearTimeout(insist);
      resolve(undefined);
    });
    child.kill('SIGTERM');
  });
}

/** Asks once (a second signal would cut a drain short), waits, then insists. */
export async function stop(child, graceMs = 20_000) {
  const stopped = stopping.get(child) ?? askThenInsist(child, graceMs);
  stopping.set(child, stopped);
  await stopped;
}

export async function stopAll() {
  await Promise.all([...running].map((child) => stop(child)));
}

/**
 * Asks until the answer is yes.
 * @param {() => Promise<boolean> | boolean} isReady
 * @param {{ what: string, timeoutMs: number, everyMs?: number, child?: import('node:child_process').ChildProcess, lastOutput?: () => string }} options
 */
export async function waitUntil(isReady, { what, timeoutMs, everyMs = 50, child, lastOutput = () => '' }) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    if (await isReady()) return;
    if (child && child.exitCode !== null) throw new Error(`${what}: ended with ${child.exitCode}\n${lastOutput()}`);
    if (Date.now() > end) throw new Error(`${what}: not ready after ${timeoutMs / 1000} s\n${lastOutput()}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
