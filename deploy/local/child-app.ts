import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

const firstDelayMs = 100;
const longestDelayMs = 5_000;
const healthyAfterMs = 30_000;

/** How one process of an app is run. */
export interface ChildAppOptions {
  /** Prefix of its log lines: `text.2`. */
  readonly label: string;
  readonly program: string;
  readonly nodeFlags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Longer than its own drain; afterwards it is killed. */
  readonly stopTimeoutMs: number;
  /** Takes whole lines, one or many in a text. */
  readonly print: (text: string) => void;
}

/** One process of an app: started again whenever it ends, until it is told to stop. */
export class ChildApp {
  private child: ChildProcess | undefined;
  private stopping = false;
  private delayMs = firstDelayMs;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: ChildAppOptions) {}

  /** Resolves when it serves; rejects if it ends before, since it would do so again. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.launch(resolve, (how) => reject(new Error(`${this.options.label} did not start (${how})`)));
    });
  }

  /** Asks it to stop and waits; resolves when no process is left. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.timer);
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), this.options.stopTimeoutMs);
    await ended;
    clearTimeout(kill);
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  /** At once and for good. */
  killNow(): void {
    this.stopping = true;
    this.child?.kill('SIGKILL');
  }

  private launch(ready: () => void, failed: (how: string) => void): void {
    const { program, nodeFlags, env, label, print } = this.options;
    // The channel carries one word, "ready"; its end tells the app that this supervisor is gone.
    // In a session of its own: a Ctrl-C in the terminal must not stop all apps at once, but in order.
    const child = spawn(process.execPath, [...nodeFlags, program], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env,
      detached: true,
    });
    this.child = child;
    let isReady = false;
    const startedAt = performance.now();
    for (const stream of [child.stdout, child.stderr]) printLines(stream, label, print);
    child.on('error', (error) => print(`${label} | ${error.message}`));
    child.once('message', () => {
      isReady = true;
      ready();
    });
    child.once('exit', (code, signal) => {
      const how = signal ?? `exit code ${code ?? 'unknown'}`;
      if (!isReady) failed(how);
      else if (!this.stopping) this.restart(how, performance.now() - startedAt);
    });
  }

  private restart(how: string, livedMs: number): void {
    if (livedMs > healthyAfterMs) this.delayMs = firstDelayMs;
    const { label, print } = this.options;
    print(`${label} | ended (${how}); starting it again in ${this.delayMs} ms`);
    this.timer = setTimeout(() => {
      // A restart that fails is one more ending: wait longer, try again.
      this.launch(
        () => print(`${label} | back`),
        (reason) => !this.stopping && this.restart(reason, 0),
      );
    }, this.delayMs);
    this.delayMs = Math.min(this.delayMs * 2, longestDelayMs);
  }
}

function printLines(stream: Readable | null, label: string, print: (line: string) => void): void {
  if (!stream) return;
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) print(lines.map((line) => `${label} | ${line}`).join('\n'));
  });
  stream.on('end', () => rest && print(`${label} | ${rest}`));
}
