import { readFileSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** The folder of package.json. */
export const root = join(import.meta.dirname, '..', '..');

const notOurs = new Set(['node_modules', 'dist', 'coverage', '.git', '.cache', '.modapi']);

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (notOurs.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? [path, ...walk(path)] : [path];
  });
}

/** Every folder and file of the project, relative to the root, with `/`. */
export const paths: readonly string[] = walk(root).map((path) => relative(root, path).split(sep).join('/'));

/** The text of a file of the project. */
export const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const foldersIn = (parent: string): string[] =>
  readdirSync(join(root, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${parent}/${entry.name}`);

/** `apps/ingress`, `apps/text`, … */
export const apps: readonly string[] = foldersIn('apps');
/** `libs/contracts`, `libs/catalog`, … */
export const libs: readonly string[] = foldersIn('libs');
