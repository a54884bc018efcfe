import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** How a child is started and stopped. */
export interface GuardedProcessOptions {
  readonly command: readonly [string, ...string[]];
  /** Standard output and error are appended here. */
  readonly logFile: string;
  readonly stopSignal: NodeJS.Signals;
  /** After this long a stop becomes SIGKILL. */
  readonly stopTimeoutMs?: number;
}

/** A child process that does not outlive this one, even if this one is killed. */
export interface GuardedProcess {
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when it is gone, with a text like `exit code 1` or `SIGKILL`. */
  readonly exited: Promise<string>;
  readonly running: boolean;
  /** Orderly; resolves when it is gone. */
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

// Children get this and nothing of ours: no secret of the parent can leak into them.
const childEnv = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', TZ: 'UTC', LC_ALL: 'C' };

const alive = new Set<{ child: ChildProcess; stopSignal: NodeJS.Signals }>();
let exitHookSet = false;

/** Starts a program in its own session, so that a Ctrl-C in the terminal reaches us first and we decide when it stops. */
export async function startGuardedProcess(options: GuardedProcessOptions): Promise<GuardedProcess> {
  const [file, ...args] = options.command;
  const log = openSync(options.logFile, 'a', 0o600);
  const child = spawn(file, args, { stdio: ['ignore', log, log], env: childEnv, detached: true });
  closeSync(log);
  await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  const entry = { child, stopSignal: options.stopSignal };
  alive.add(entry);
  stopAllOnExit();
  const releaseGuard = guard(child.pid ?? 0, options.stopSignal);
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      alive.delete(entry);
      releaseGuard();
      resolve(signal ?? `exit code ${code ?? 'unknown'}`);
    });
  });
  return handleOf(child, exited, options);
}

function handleOf(child: ChildProcess, exited: Promise<string>, options: GuardedProcessOptions): GuardedProcess {
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? 0,
    logFile: options.logFile,
    exited,
    get running() {
      return running();
    },
    kill: (signal) => void child.kill(signal),
    async stop() {
      if (!running()) return;
      child.kill(options.stopSignal);
      const timer = setTimeout(() => child.kill('SIGKILL'), options.stopTimeoutMs ?? 15_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** A sleeping shell whose standard input is our pipe: the kernel closes it when we die, however we die. */
function guard(pid: number, signal: NodeJS.Signals): () => void {
  const script = 'read -r _ || kill -s "$2" "$1"';
  const watcher = spawn('/bin/sh', ['-c', script, 'modapi-guard', String(pid), signal.slice(3)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: childEnv,
    detached: true,
  });
  watcher.on('error', () => undefined); // no /bin/sh: the exit hook below is what remains
  watcher.stdin.on('error', () => undefined);
  watcher.unref();
  (watcher.stdin as unknown as { unref(): void }).unref();
  return () => void watcher.stdin.end('done\n');
}

function stopAllOnExit(): void {
  if (exitHookSet) return;
  exitHookSet = true;
  process.on('exit', () => {
    for (const { child, stopSignal } of alive) child.kill(stopSignal);
  });
}

/** The last lines of a child's log, for an error message. */
export async function tailOf(logFile: string, lines = 5): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
