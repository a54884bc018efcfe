// Fetches the peer for the bench only: into .cache/bench, never into the product.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NotHere } from './not-here.mjs';
import { root } from './owned-process.mjs';

const version = '1.15.2';
/** From 1.14 on its HTTP adapter refuses to change a fetched answer's headers, and every stream of the peer ends in a 500. */
const adapter = '1.13.8';

const folder = join(root, '.cache', 'bench');
const modules = join(folder, 'node_modules');

const versionOf = (name) => {
  const manifest = join(modules, name, 'package.json');
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).version : undefined;
};
const isThere = () => versionOf('@portkey-ai/gateway') === version && versionOf('@hono/node-server') === adapter;

/** Its server script; throws NotHere where no registry can be reached. */
export function fetchPortkey() {
  if (!isThere()) {
    rmSync(modules, { recursive: true, force: true });
    rmSync(join(folder, 'package-lock.json'), { force: true });
    mkdirSync(folder, { recursive: true });
    const manifest = {
      private: true,
      dependencies: { '@portkey-ai/gateway': version },
      overrides: { '@hono/node-server': adapter },
    };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    const argv = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    const { status, stderr } = spawnSync('npm', argv, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
    if (status !== 0 || !isThere()) {
      const why = stderr?.trim().split('\n')[0] || 'npm did not answer within a minute';
      throw new NotHere(`@portkey-ai/gateway@${version} cannot be fetched: ${why}`);
    }
  }
  return join(modules, '@portkey-ai', 'gateway', 'build', 'start-server.js');
}
