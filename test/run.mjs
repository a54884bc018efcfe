// `npm test`: all the set-up, then every suite; ends with one line `N passed, N failed` over all of them.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, runtimeNode } from '../deploy/local/prepare.mjs';

const root = join(import.meta.dirname, '..');
const wanted = process.argv.slice(2);

/** In the order in which a failure tells most. `paths` are jest patterns; the check runs tools instead. */
const suites = [
  { name: 'check', what: 'format, lint, types, boundaries, dead code' },
  { name: 'unit', what: 'no network', paths: ['(apps|libs|deploy|test/house)/.*(?<!\\.int)\\.spec\\.ts$'] },
  {
    name: 'integration',
    what: 'real NATS, Redis, Postgres, sockets',
    paths: ['(apps|libs|deploy)/.*\\.int\\.spec\\.ts$'],
  },
  { name: 'standalone', what: 'npm start, official SDK', paths: ['test/standalone/.*\\.spec\\.ts$'] },
  {
    name: 'cluster',
    what: 'npm start -- --cluster, official SDK, kill matrix',
    paths: ['test/cluster/.*\\.spec\\.ts$'],
  },
  { name: 'faults', what: 'two minutes of random faults, then the ledger', paths: ['test/faults/.*\\.spec\\.ts$'] },
];

function run(command, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

async function runJest(suite) {
  const report = join(root, '.cache', `jest-${suite.name}.json`);
  rmSync(report, { force: true });
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const workers = suite.name === 'unit' ? [] : ['--maxWorkers=1'];
  const args = [jest, ...workers, '--json', `--outputFile=${report}`, '--testPathPatterns', ...suite.paths];
  const code = await run(runtimeNode(), args, {
    NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
    MODAPI_TEST_SUITE: suite.name,
  });
  if (!existsSync(report)) return { passed: 0, failed: 1, files: 0 };
  const result = JSON.parse(readFileSync(report, 'utf8'));
  // A skipped test would hide a hole, and a suite that ran nothing too: both count as failures.
  const skipped = result.numPendingTests + result.numTodoTests + result.numPendingTestSuites;
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites + skipped;
  const empty = result.numTotalTests === 0 ? 1 : 0;
  return {
    passed: result.numPassedTests,
    failed: failed + empty || (code === 0 ? 0 : 1),
    files: result.numTotalTestSuites,
  };
}

async function runCheck() {
  const code = await run(runtimeNode(), [join(root, 'test', 'check.mjs')]);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, files: 1 };
}

await prepare();
mkdirSync(join(root, '.cache'), { recursive: true });
const rows = [];
for (const suite of suites) {
  if (wanted.length > 0 && !wanted.includes(suite.name)) continue;
  console.log(`\n── ${suite.name}: ${suite.what}`);
  const started = performance.now();
  const counts = suite.paths ? await runJest(suite) : await runCheck();
  rows.push({ suite: suite.name, ...counts, seconds: Math.round((performance.now() - started) / 100) / 10 });
}
console.log('\nWhat ran');
console.table(rows);
const total = (key) => rows.reduce((sum, row) => sum + row[key], 0);
console.log(`${total('passed')} passed, ${total('failed')} failed`);
process.exit(total('failed') === 0 ? 0 : 1);
