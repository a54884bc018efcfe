import { describe, expect, it } from '@jest/globals';
import { read } from './repository.js';

type Versions = Readonly<Record<string, string>>;

interface Manifest {
  readonly dependencies: Versions;
  readonly devDependencies: Versions;
  readonly optionalDependencies: Versions;
  readonly overrides: Versions;
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Versions }>>;
}

const manifest = JSON.parse(read('package.json')) as Manifest;
const lock = JSON.parse(read('package-lock.json')) as Lock;
const page = read('docs/decisions/dependencies.md');

/** Rows of the page: package, version, the rest. */
const rows = [...page.matchAll(/^\| `([^`]+)` +\| ([^| ]+) +\| (.+) \|$/gm)].map(
  ([, name = '', version = '', reason = '']) => ({ name, version, reason }),
);
const { dependencies, devDependencies, optionalDependencies, overrides } = manifest;
const listed = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies, ...overrides });

/** Where npm would look for `name` as seen from the package at `from`: outwards, folder by folder. */
function isLocked(from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    if (`${folder === '' ? '' : `${folder}/`}node_modules/${name}` in lock.packages) return true;
    if (folder === '') return false;
  }
}

describe('dependencies', () => {
  it.each(listed)('%s has its exact version and a reason in docs/decisions/dependencies.md', (name, version) => {
    const row = rows.find((candidate) => candidate.name === name);
    expect(row).toMatchObject({ name, version });
    expect(row?.reason.length).toBeGreaterThan(3);
  });

  it('that left package.json left the page too', () => {
    const known = new Set(listed.map(([name]) => name));
    expect(rows.filter(({ name }) => !known.has(name))).toEqual([]);
  });

  it('are pinned to exact versions', () => {
    expect(listed.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });

  it('are all in the lock with every platform package, so that `npm ci` takes it', () => {
    const holes = Object.entries(lock.packages).flatMap(([path, { optionalDependencies: optional = {} }]) =>
      Object.keys(optional)
        .filter((name) => !isLocked(path, name))
        .map((name) => `${path} needs ${name}`),
    );
    expect(holes).toEqual([]);
  });
});
