// `npm run bench`: ModAPI beside a bare proxy, a bare NATS hop and a peer, all against one mock upstream, in one run.
import { setTimeout as sleep } from 'node:timers/promises';
import { measureLedger } from './ledger.mjs';
import { LoadGenerator } from './load-generator.mjs';
import { readOptions, UsageError } from './options.mjs';
import { startServer, stopAll } from './owned-process.mjs';
import { readTree } from './process-tree.mjs';
import { profile } from './profile.mjs';
import { print, save, writeRows } from './report.mjs';
import { row, runScenario } from './rounds.mjs';
import { measureOpenStreams, openStreams, refuseErrors, scenarios, warmUp } from './scenarios.mjs';
import { NotHere } from './not-here.mjs';

const startedAt = performance.now();
const elapsedSeconds = () => (performance.now() - startedAt) / 1000;
const say = (line) => console.log(`${elapsedSeconds().toFixed(0).padStart(4)} s  ${line}`);

/** Bounded also where the machine is slow: later rounds are left out when the time is up. */
const limits = {
  quick: { warmUpCalls: 3000, warmUpSeconds: 5, rounds: 3, interleave: false, seconds: 85 },
  whole: { warmUpCalls: 25_000, warmUpSeconds: 60, rounds: 3, interleave: true, seconds: 1500 },
};

/** How fast the load can be asked for and answered with nothing in between: far above what is measured. */
async function checkGenerator(generator, port, seconds) {
  const load = { ...scenarios[0].load, port, headers: {}, seconds };
  await generator.start(load);
  const { calls, ...rest } = await generator.wait();
  refuseErrors({ name: 'mock upstream' }, 'generator check', rest);
  say(`generator and mock upstream alone: ${Math.round(calls / seconds)} calls/s`);
  return calls / seconds;
}

async function firstAnswer(generator, system) {
  await generator.start({
    ...scenarios[0].load,
    connections: 1,
    maxCalls: 1,
    port: system.port,
    headers: system.headers,
  });
  refuseErrors(system, 'first answer', await generator.wait());
}

/** Starts all that are here; a system that is not is a note, one that breaks ends the run. */
async function startSystems(chosen, { generator, upstream, otlp, results }) {
  const running = [];
  // ModAPI first: its cold start is measured on a machine that does nothing else.
  const order = chosen.toSorted((a, b) => Number(b.name.startsWith('modapi')) - Number(a.name.startsWith('modapi')));
  for (const { name, start } of order) {
    const began = performance.now();
    try {
      const system = await start({ upstream, otlp });
      await firstAnswer(generator, system);
      const ms = performance.now() - began;
      say(`${name} answers after ${(ms / 1000).toFixed(1)} s`);
      if (name.startsWith('modapi') && !system.readBooks) {
        const rss = system.roots.flatMap((pid) => readTree(pid)).reduce((sum, { rssBytes }) => sum + rssBytes, 0);
        results.rows.push(row({ scenario: 'cold-start', system: name, p50Ms: ms, rssMb: rss / 2 ** 20 }));
      }
      running.push(system);
    } catch (error) {
      if (!(error instanceof NotHere)) throw error;
      results.notes.push(`${name} left out: ${error.message}`);
      say(`${name} left out: ${error.message}`);
    }
  }
  return chosen.flatMap(({ name }) => running.filter((system) => system.name === name));
}

async function measureOpen(generator, running, results) {
  for (const system of running.filter(({ name }) => !openStreams.leavesOut(name))) {
    const { rssMb, kilobytesPerStream } = await measureOpenStreams(generator, system);
    results.rows.push(row({ scenario: openStreams.name, system: system.name, rssMb }));
    const grown = kilobytesPerStream.filter(({ kilobytes }) => kilobytes > 0.5);
    const told = grown.map(({ name, kilobytes }) => `${name} ${kilobytes.toFixed(1)} KB`).join(', ');
    results.notes.push(`${openStreams.count} open streams, growth per stream, ${system.name}: ${told}`);
    say(`${openStreams.name}: ${system.name}: ${told} per stream`);
    await sleep(1000);
  }
}

/** Before all others are started: what they leave on the machine would slow it. */
async function measureLedgerRows(results, quick) {
  for (const { name, perSecond, min, max } of await measureLedger({ say, quick })) {
    results.rows.push(row({ scenario: 'ledger', system: name, callsPerSecond: perSecond }));
    results.notes.push(`ledger, ${name}: ${Math.round(min)}–${Math.round(max)} holds and captures/s`);
  }
}

async function bench(options) {
  const mode = options.quick ? 'quick' : 'full';
  const limit = options.quick ? limits.quick : limits.whole;
  const results = { rows: [], details: [], notes: [] };
  const mock = await startServer('upstream.mjs');
  const [upstream, otlp] = [mock.port, mock.otlpPort].map((port) => `http://127.0.0.1:${port}`);
  const generator = await LoadGenerator.start();
  await checkGenerator(generator, mock.port, 0.5);
  if (options.profile) {
    await profile(generator, { upstream, otlp, chosen: options.systems, limit, say });
    return;
  }
  if (options.withLedger) await measureLedgerRows(results, options.quick);
  const running = await startSystems(options.systems, { generator, upstream, otlp, results });
  for (const system of running) {
    const { calls } = await warmUp(generator, system, { calls: limit.warmUpCalls, seconds: limit.warmUpSeconds });
    say(`${system.name} is warm after ${calls} calls`);
  }
  const ceiling = await checkGenerator(generator, mock.port, options.quick ? 0.5 : 2);
  for (const scenario of options.scenarios) {
    const taking = running.filter(({ name }) => !scenario.leavesOut?.(name));
    if (taking.length === 1 && running.length > 1) continue;
    const mayGoOn = () => elapsedSeconds() < limit.seconds;
    const { rounds = limit.rounds } = scenario[mode] ?? {};
    const windowMs = scenario.windowMs[mode];
    const summaries = await runScenario(generator, taking, { ...limit, scenario, rounds, windowMs, mayGoOn, say });
    results.rows.push(...summaries.map((summary) => summary.row));
    results.details.push(...summaries.map(({ detail }) => detail));
  }
  if (options.openStreams) await measureOpen(generator, running, results);
  const fastest = Math.max(
    0,
    ...results.rows.filter(({ scenario }) => scenario === 'unary-32').map((one) => one.callsPerSecond),
  );
  results.notes.push(
    `generator and mock upstream alone: ${Math.round(ceiling)} calls/s; the fastest system: ${fastest}`,
  );
  for (const system of running.toReversed()) {
    const began = performance.now();
    await system.stop();
    say(`${system.name} stopped in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
  print(results);
  if (options.json) writeRows(options.json, results.rows);
  if (options.save) save(results);
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    say(`${signal}: stopping what was started`);
    void stopAll().then(() => process.exit(130));
  });
}

try {
  await bench(readOptions(process.argv.slice(2)));
  say('done');
} catch (error) {
  console.error(error instanceof UsageError ? error.message : (error.stack ?? String(error)));
  process.exitCode = 1;
} finally {
  await stopAll();
  process.exit();
}
