// Installs packages and builds, each only when needed. Plain JavaScript: it runs before anything is installed.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');
const modules = join(root, 'node_modules');
const dist = join(root, 'dist');
const installStamp = join(modules, '.modapi-install');
const buildStamp = join(dist, '.modapi-build');
const sourceFolders = ['apps', 'libs', 'deploy'];
const notBuilt = /\.(spec\.ts|md|mjs)$/;

/** Says what takes longer than a moment. */
const say = (text) => process.stderr.write(`${text}\n`);

/** The pinned Node 24 of the registry package where it exists for this platform and works, else this one. */
export function runtimeNode() {
  const pinned = join(modules, `node-${process.platform}-${process.arch}`, 'bin', 'node');
  return existsSync(pinned) && statSync(pinned).mode & 0o100 ? pinned : process.execPath;
}

/** After this, ./node_modules and ./dist are those of the sources. */
export async function prepare() {
  await install();
  await build();
}

async function install() {
  const wanted = hashOf(readFileSync(join(root, 'package-lock.json')));
  if (read(installStamp) === wanted) return;
  if (!installedByHand()) {
    const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
    // NODE_ENV=production would leave out the compiler.
    const options = ['ci', '--include=dev', '--include=optional', '--loglevel=error', '--no-audit', '--no-fund'];
    await run('installing packages (once)', [...npm, ...options]);
  }
  writeFileSync(installStamp, wanted);
}

/** A developer's own `npm ci`: npm wrote its record of the installed tree after the lock file last changed. */
function installedByHand() {
  const record = join(modules, '.package-lock.json');
  return existsSync(record) && statSync(record).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

/** Compiles all sources when any changed; true if it did. */
export async function build() {
  const wanted = fingerprint();
  if (read(buildStamp) === wanted) return false;
  mkdirSync(join(root, '.cache'), { recursive: true });
  const fresh = mkdtempSync(join(root, '.cache', 'build-'));
  try {
    const swc = join(modules, '@swc', 'cli', 'bin', 'swc.js');
    const ignored = ['**/*.spec.ts', '**/*.md', '**/*.mjs'].flatMap((pattern) => ['--ignore', pattern]);
    await run('building', [runtimeNode(), swc, ...sourceFolders, '-d', fresh, '--copy-files', '--quiet', ...ignored]);
    replaceTree(fresh, dist);
    writeFileSync(buildStamp, wanted);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return true;
}

/** Of all that the build depends on: names, sizes and times are enough, and take milliseconds. */
function fingerprint() {
  const files = sourceFolders.flatMap((folder) => filesBelow(join(root, folder)));
  const sources = files.filter((file) => !notBuilt.test(file));
  const lines = [...sources, join(root, '.swcrc'), join(root, 'package.json')].map((file) => {
    const { size, mtimeMs } = statSync(file);
    return `${file.slice(root.length)} ${size} ${mtimeMs}`;
  });
  return hashOf(lines.toSorted().join('\n'));
}

function filesBelow(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** File by file, so that a gateway that runs from the old tree never finds a file missing; what has no source any more goes. */
function replaceTree(from, to) {
  const kept = new Set();
  for (const file of filesBelow(from)) {
    const target = join(to, file.slice(from.length));
    mkdirSync(dirname(target), { recursive: true });
    renameSync(file, target);
    kept.add(target);
  }
  for (const file of filesBelow(to)) if (!kept.has(file)) rmSync(file);
}

/** Runs a command; shows that it is alive every few seconds, and its output only if it fails. */
function run(label, [command, ...args]) {
  const startedAt = performance.now();
  const elapsed = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  say(`${label} …`);
  const alive = setInterval(() => say(`${label} … ${elapsed()}`), 5_000);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk) => (output = (output + chunk).slice(-20_000));
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(undefined);
      else reject(new Error(`${label} failed:\n${output.trim()}`));
    });
  }).finally(() => {
    clearInterval(alive);
    say(`${label}: ${elapsed()}`);
  });
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function hashOf(data) {
  return createHash('sha256').update(data).digest('hex');
}
