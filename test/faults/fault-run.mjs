// One run: a gateway under faults, then the upstream's own log against the ledger.
import { spawn } from 'node:child_process';
import { root, runtimeNode } from '../../deploy/local/prepare.mjs';
import { injectFaults } from './chaos.mjs';
import { startDuplicates } from './duplicates.mjs';
import { runLoad } from './load.mjs';
import { seededRandom } from './random.mjs';
import { reconcile, settle } from './reconcile.mjs';
import { reportOf, saveReport, violations } from './report.mjs';
import { startRig } from './rig.mjs';
import { makeTenants, topUpTenant } from './tenants.mjs';

const brokeTopUpMs = 15_000;
const say = (text) => process.stderr.write(`${text}\n`);

/** Runs, reports, and leaves the exit code. @param {ReturnType<import('./options.mjs').readOptions>} options */
export async function run(options) {
  say(`faults: seed ${options.seed}, ${options.minutes} minutes; starting services and a cluster`);
  const rig = await startRig(options);
  let keep = options.keep;
  try {
    const run = await runFaults(rig, options);
    const failed = violations(run).filter(({ ids }) => ids.length > 0);
    const markdown = reportOf(run);
    process.stdout.write(`\n${markdown}\n\n${run.check.output}\n`);
    if (failed.length > 0) {
      keep = true;
      process.exitCode = 1;
      process.stdout.write(`FAILED: ${failed.map(({ name }) => name).join('; ')}\nkept: ${rig.folder}\n`);
    } else {
      process.stdout.write(`0 lost, 0 double, every invariant holds (seed ${options.seed})\n`);
      if (options.save) saveReport(markdown);
    }
  } finally {
    await rig.stop({ keep });
  }
}

async function runFaults(rig, options) {
  const tenants = await makeTenants(rig, options.minutes);
  const duplicates = await startDuplicates(rig.natsUrl);
  const until = performance.now() + options.minutes * 60_000;
  const progress = setInterval(
    () => say(`  ${Math.max(0, Math.round((until - performance.now()) / 1000))} s left`),
    15_000,
  );
  const pennies = keepAlmostBroke(rig, tenants);
  // Two streams of chance: how long a fault takes must not change which calls are made.
  const load = runLoad({ ...options, baseUrl: rig.baseUrl, tenants, random: seededRandom(options.seed), until });
  const rounds = await injectFaults({ rig, random: seededRandom(options.seed + 1_000_003), duplicates, until });
  const clientCalls = await load;
  clearInterval(progress);
  clearInterval(pennies);
  say('  settling');
  const settledMs = await settle(rig.databaseUrl);
  const published = duplicates.published;
  await duplicates.close();
  const insisting = clientCalls.filter(({ idempotencyKey, leavesAfterMs }) => idempotencyKey && !leavesAfterMs);
  return {
    options,
    rounds,
    clientCalls,
    settledMs,
    duplicates: published,
    result: await reconcile(rig, clientCalls),
    check: await ledgerCheck(rig.databaseUrl),
    problems: clientCalls.flatMap(({ problems }) => problems),
    insistent: {
      count: insisting.length,
      gaveUp: insisting
        .filter(({ gaveUp }) => gaveUp)
        .map(({ number, model, statuses }) => `${number} ${model} (${statuses.slice(-5).join(', ')})`),
    },
  };
}

/** A little money now and then, so that the floor is met again and again. */
function keepAlmostBroke(rig, tenants) {
  const broke = tenants.find(({ name }) => name === 'broke');
  let times = 0;
  return setInterval(() => {
    times++;
    topUpTenant(rig, broke, 500_000n, `again-${times}`).catch(() => undefined); // billing may just be dead; the next one comes
  }, brokeTopUpMs);
}

/** The same command as an operator runs. */
async function ledgerCheck(databaseUrl) {
  const child = spawn(runtimeNode(), ['deploy/local/ledger-check.mjs'], {
    cwd: root,
    env: { ...process.env, DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const code = await new Promise((resolve) => child.once('exit', resolve));
  return { passed: code === 0, output, summary: output.trim().split('\n').slice(-3).join(' ') };
}
