import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { chooseRunAs, findPostgresBinaries, type PostgresBinaries, type RunAs } from './embedded-postgres-binaries.js';
import { type GuardedProcess, startGuardedProcess, tailOf } from './embedded-postgres-process.js';

const run = promisify(execFile);
const superuser = 'postgres';
const database = 'modapi';
const logLimitBytes = 16 * 1024 * 1024;

/** A Postgres server of our own. */
export interface EmbeddedPostgres {
  /** Holds the password. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when the server is gone, however it went. */
  readonly exited: Promise<string>;
  /** Fast shutdown: open transactions are rolled back, committed ones are on disk. */
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

export interface EmbeddedPostgresOptions {
  /** A free one when absent. */
  readonly port?: number;
  /** False only for tests: no fsync. */
  readonly durable?: boolean;
  readonly maxConnections?: number;
}

interface Layout {
  readonly root: string;
  readonly data: string;
  readonly passwordFile: string;
  readonly logFile: string;
}

/**
 * Starts a Postgres server that keeps its data in `dataDir` and answers on 127.0.0.1 with a password made on first
 * start. Refuses a folder that a live server uses; a folder left by a killed one is recovered.
 */
export async function startEmbeddedPostgres(
  dataDir: string,
  options: EmbeddedPostgresOptions = {},
): Promise<EmbeddedPostgres> {
  const layout = layoutOf(dataDir);
  await mkdir(layout.root, { recursive: true, mode: 0o711 });
  const [binaries, runAs] = await Promise.all([findPostgresBinaries(), chooseRunAs(layout.data)]);
  if (!existsSync(layout.data)) await initialise(layout, binaries, runAs);
  await refuseLiveServer(layout);
  await limitLog(layout.logFile);
  const password = await readFile(layout.passwordFile, 'utf8');
  const attempts = options.port === undefined ? 5 : 1;
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const command = [...runAs.prefix, binaries.postgres, ...serverArguments(layout.data, port, options)] as const;
    const child = await startGuardedProcess({
      command: command as unknown as [string, ...string[]],
      logFile: layout.logFile,
      stopSignal: 'SIGINT',
    });
    try {
      const url = await waitUntilReady(child, port, password);
      return serverOf(child, url, port);
    } catch (error) {
      await child.stop();
      // Between the search for a free port and its use another process may have taken it.
      if (attempt >= attempts || !(error as Error).message.includes('could not bind')) throw error;
    }
  }
}

function layoutOf(dataDir: string): Layout {
  const root = resolve(dataDir);
  return {
    root,
    data: join(root, 'data'),
    passwordFile: join(root, 'password'),
    logFile: join(root, 'postgres.log'),
  };
}

/** Into a side folder first: a start that was interrupted leaves nothing that looks like a database. */
async function initialise(layout: Layout, binaries: PostgresBinaries, runAs: RunAs): Promise<void> {
  const fresh = join(layout.root, 'data.new');
  const passwordInput = join(layout.root, 'password.new');
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  await runAs.own(fresh);
  const password = randomBytes(24).toString('base64url');
  await writeFile(layout.passwordFile, password, { mode: 0o600 });
  await writeFile(passwordInput, password, { mode: 0o600 });
  await runAs.own(passwordInput);
  const command = [...runAs.prefix, binaries.initdb, '-D', fresh, '-U', superuser, '-A', 'scram-sha-256'];
  const [file = '', ...args] = [...command, `--pwfile=${passwordInput}`, '-E', 'UTF8', '--locale=C', '-N'];
  try {
    await run(file, args, { env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', TZ: 'UTC' } });
  } catch (error) {
    const reason = (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
    throw new Error(`Postgres could not make its data folder ${fresh}: ${reason}`, { cause: error });
  } finally {
    await rm(passwordInput, { force: true });
  }
  await rename(fresh, layout.data);
}

/** Postgres checks this too, but a pid that now belongs to someone else would lock it out for ever. */
async function refuseLiveServer(layout: Layout): Promise<void> {
  const pidFile = join(layout.data, 'postmaster.pid');
  const content = await readFile(pidFile, 'utf8').catch(() => undefined);
  if (content === undefined) return;
  const pid = Number.parseInt(content, 10);
  if (!(await isPostgresOf(pid, layout.data))) {
    await rm(pidFile, { force: true });
    return;
  }
  // The server of a gateway that was killed a moment ago is still shutting down.
  for (let waitedMs = 0; waitedMs < 5_000; waitedMs += 50) {
    if (!(await isPostgresOf(pid, layout.data))) return;
    await sleep(50);
  }
  throw new Error(`the data folder ${layout.root} is in use by the Postgres server with pid ${pid}: stop it first`);
}

async function isPostgresOf(pid: number, data: string): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(async () => {
    if (process.platform === 'linux') return '';
    const answer = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
    return answer.stdout;
  });
  return commandLine.includes(data);
}

async function limitLog(logFile: string): Promise<void> {
  const size = await stat(logFile).then(
    (entry) => entry.size,
    () => 0,
  );
  if (size > logLimitBytes) await rename(logFile, `${logFile}.1`);
}

function serverArguments(data: string, port: number, options: EmbeddedPostgresOptions): string[] {
  const settings: Record<string, string> = {
    unix_socket_directories: '',
    listen_addresses: '127.0.0.1',
    max_connections: String(options.maxConnections ?? 60),
    shared_buffers: '32MB',
    // Our statements are short: compiling them costs more than it saves, and memory.
    jit: 'off',
    log_timezone: 'UTC',
    timezone: 'UTC',
    ...(options.durable === false && { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', data, '-p', String(port), ...flags];
}

/** Until it answers a real connection; recovery after a crash may take a while, a dead server ends the wait at once. */
async function waitUntilReady(child: GuardedProcess, port: number, password: string): Promise<string> {
  const urlOf = (name: string): string => `postgres://${superuser}:${password}@127.0.0.1:${port}/${name}`;
  const deadline = Date.now() + 120_000;
  let problem = 'no answer yet';
  while (child.running && Date.now() < deadline) {
    try {
      await makeDatabase(urlOf(superuser));
      if (child.running) return urlOf(database);
    } catch (error) {
      problem = (error as Error).message;
      await sleep(20);
    }
  }
  const log = await tailOf(child.logFile);
  throw new Error(`Postgres did not start (${child.running ? problem : await child.exited}):\n${log}`);
}

async function makeDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  // Without a listener a connection that breaks between two statements would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const found = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`create database ${database}`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function serverOf(child: GuardedProcess, url: string, port: number): EmbeddedPostgres {
  return {
    url,
    port,
    pid: child.pid,
    logFile: child.logFile,
    exited: child.exited,
    stop: () => child.stop(),
    kill: (signal) => child.kill(signal),
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
