// `npm run check`: format, type-aware lint, types, floors, dead code. Side by side, one line each, the output of those that fail.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const modules = join(root, 'node_modules');
const bin = join(modules, '.bin');
/** The pinned Node 24 where the registry package exists for this platform. */
const node = existsSync(join(bin, 'node')) ? join(bin, 'node') : process.execPath;
const timeoutMs = 180_000;

/** The slowest first, so that two cores finish together. */
const checks = [
  { name: 'types', what: 'tsc', script: 'typescript/bin/tsc', argv: ['-p', '.', '--pretty', 'false'] },
  {
    name: 'lint',
    what: 'oxlint --type-aware',
    script: 'oxlint/bin/oxlint',
    argv: ['--type-aware', '--disable-nested-config', '--deny-warnings', '--report-unused-disable-directives'],
  },
  {
    name: 'floors',
    what: 'dependency-cruiser',
    script: 'dependency-cruiser/bin/dependency-cruise.mjs',
    argv: ['--config', '.dependency-cruiser.mjs', '--output-type', 'err-long', 'apps', 'libs', 'deploy', 'test'],
  },
  { name: 'dead code', what: 'knip', script: 'knip/bin/knip.js', argv: ['--no-progress', '--no-config-hints'] },
  { name: 'format', what: 'oxfmt --check', script: 'oxfmt/bin/oxfmt', argv: ['--check', '.'] },
];

/** @returns {Promise<{ code: number, output: string, seconds: number }>} */
function run({ script, argv }) {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(node, [join(modules, script), ...argv], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      // oxlint looks for tsgolint on the PATH.
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}`, NO_COLOR: '1' },
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    let output = '';
    const collect = (chunk) => (output += chunk);
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const finish = (code, note = '') => {
      clearTimeout(timer);
      resolve({ code, output: output + note, seconds: (performance.now() - started) / 1000 });
    };
    child.on('error', (error) => finish(1, String(error)));
    child.on('close', (code, signal) =>
      finish(code ?? 1, signal ? `\nstopped by ${signal} after ${timeoutMs / 1000} s` : ''),
    );
  });
}

async function main() {
  if (!existsSync(join(modules, 'typescript'))) {
    console.error('The tools are not installed: run `npm ci` first (or `npm test`, which does it).');
    return 1;
  }
  mkdirSync(join(root, '.cache'), { recursive: true });
  const only = process.argv.slice(2);
  const queue = checks.filter(({ name }) => only.length === 0 || only.includes(name));
  if (queue.length === 0) {
    console.error(`No check of that name; there are: ${checks.map(({ name }) => `"${name}"`).join(', ')}`);
    return 1;
  }
  const failed = [];
  const started = performance.now();
  const work = async () => {
    for (let check = queue.shift(); check; check = queue.shift()) {
      const result = await run(check);
      const verdict = result.code === 0 ? 'ok    ' : 'FAILED';
      console.log(
        `${verdict}  ${check.name.padEnd(10)} ${check.what.padEnd(20)} ${result.seconds.toFixed(1).padStart(5)} s`,
      );
      if (result.code !== 0) failed.push({ ...check, ...result });
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, Math.max(2, availableParallelism())) }, work));
  for (const { name, what, output } of failed) console.log(`\n── ${name} (${what})\n${output.trim()}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const names = failed.map(({ name }) => name).join(', ');
  console.log(failed.length === 0 ? `\ncheck: all green in ${seconds} s` : `\ncheck: ${names} failed, ${seconds} s`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
