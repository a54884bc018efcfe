// What is measured, and the measuring of one window: load on, let it settle, read, wait, read, load off.
import { setTimeout as sleep } from 'node:timers/promises';
import { refuseWrongBooks } from './prepaid.mjs';
import { readTree, usedBetween } from './process-tree.mjs';
import {
  bodies,
  burstChunks,
  burstsPerStream,
  chargeNanos,
  embeddingMarker,
  pacedChunks,
  speech,
  tokens,
} from './wire.mjs';

/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} what
 * @property {Omit<import('./generator.mjs').Load, 'port' | 'headers'>} load
 * @property {number} settleMs load before the window
 * @property {{ full: number, quick: number }} windowMs
 * @property {{ rounds: number }} [quick]
 * @property {'call' | 'chunk'} unit what its CPU is divided by
 * @property {(system: string) => boolean} [leavesOut]
 */

const isPrepaid = (system) => system.endsWith('-prepaid');
const isForeign = (system) => system !== 'bare' && !system.startsWith('modapi');

/** Not Portkey's nor the bare hop's business, and not prepaid: what is asked is what the bytes cost. */
const isOtherThanOurs = (system) => isPrepaid(system) || isForeign(system);
const embeddings = {
  body: bodies.embeddings,
  path: '/v1/embeddings',
  whole: { marker: embeddingMarker.toString(), count: 16 },
};

/** @type {Scenario[]} */
export const scenarios = [
  {
    name: 'unary-32',
    what: 'not streamed, 32 in flight',
    load: { body: bodies.unary, connections: 32 },
    settleMs: 250,
    windowMs: { full: 4000, quick: 1000 },
    unit: 'call',
  },
  {
    name: 'unary-1',
    what: 'not streamed, 1 in flight',
    load: { body: bodies.unary, connections: 1 },
    settleMs: 150,
    windowMs: { full: 2500, quick: 500 },
    unit: 'call',
  },
  {
    name: 'unary-200',
    what: 'not streamed, 200 calls a second in even steps: nothing can be batched',
    load: { body: bodies.unary, connections: 16, callsPerSecond: 200 },
    settleMs: 500,
    windowMs: { full: 5000, quick: 2000 },
    unit: 'call',
    leavesOut: isForeign,
  },
  {
    name: 'stream-paced',
    what: '200 streams, one chunk each 20 ms',
    load: { body: bodies.paced, connections: 200, chunksPerCall: pacedChunks, rampMs: 1000 },
    settleMs: 1500,
    windowMs: { full: 4000, quick: 2000 },
    quick: { rounds: 1 },
    unit: 'chunk',
  },
  {
    name: 'stream-burst',
    what: '64 chunks at once, one burst a call, 8 streams in flight',
    load: { body: bodies.burst, connections: 8, chunksPerCall: burstChunks },
    settleMs: 250,
    windowMs: { full: 3000, quick: 600 },
    unit: 'chunk',
    leavesOut: isPrepaid,
  },
  {
    name: 'stream-bursts',
    what: '64 chunks at once each 20 ms, 16 bursts a call, 8 streams in flight',
    load: { body: bodies.bursts, connections: 8, chunksPerCall: burstChunks * burstsPerStream, rampMs: 300 },
    settleMs: 700,
    windowMs: { full: 3000, quick: 1000 },
    quick: { rounds: 1 },
    unit: 'chunk',
    leavesOut: isPrepaid,
  },
  {
    name: 'embeddings-8',
    what: '16 texts to 1,536 floats each, half a megabyte of answer, 8 in flight',
    load: { ...embeddings, connections: 8 },
    settleMs: 500,
    windowMs: { full: 3000, quick: 1000 },
    unit: 'call',
    leavesOut: isOtherThanOurs,
  },
  {
    name: 'embeddings-1',
    what: 'the same, 1 in flight',
    load: { ...embeddings, connections: 1 },
    settleMs: 300,
    windowMs: { full: 2500, quick: 500 },
    unit: 'call',
    leavesOut: isOtherThanOurs,
  },
  {
    name: 'speech-1',
    what: 'speech of 64 KB, a piece each 5 ms, 1 in flight; p50 and p99 are the time to the first byte',
    load: {
      body: bodies.speech,
      path: '/v1/audio/speech',
      bytes: speech.pieces * speech.pieceBytes,
      connections: 1,
    },
    settleMs: 300,
    windowMs: { full: 3000, quick: 1000 },
    unit: 'call',
    leavesOut: isOtherThanOurs,
  },
];

/** Measured by itself, on a Postgres of its own. */
export const ledgerScenario = {
  name: 'ledger',
  what: 'holds and captures of the ledger in batches of 128, two writers, fsync',
};

/** Only with --full: what an open stream costs in memory. */
export const openStreams = {
  name: 'open-streams',
  what: '5,000 open streams, one chunk a second',
  count: 5000,
  load: { body: bodies.slow, connections: 5000, chunksPerCall: 600, rampMs: 10_000 },
  leavesOut: isPrepaid,
};

const readSystem = (system) => system.roots.flatMap((pid) => readTree(pid));

/** Ends a run whose answers are wrong: its figures would mean nothing. */
export function refuseErrors(system, what, { errors, why }) {
  if (errors === 0) return;
  const output = system.lastOutput ? `\n${system.lastOutput()}` : '';
  throw new Error(`${system.name}, ${what}: ${errors} wrong answers, such as: ${why.join(' | ')}${output}`);
}

const cpuOf = (readings) => readings.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0);
const restPollMs = 100;
const restWithinMs = 20_000;

/**
 * Waits until the system rests: what it put off (usage records, logs, exports) belongs to the calls that caused it.
 * @returns {Promise<number>} how long that took
 */
async function waitForRest(system) {
  const began = performance.now();
  let last = cpuOf(readSystem(system));
  for (let calm = 0; calm < 2 && performance.now() - began < restWithinMs;) {
    await sleep(restPollMs);
    const now = cpuOf(readSystem(system));
    // Two ticks of the kernel's clock at the most: a fifth of a core.
    calm = now - last <= 20_000 ? calm + 1 : 0;
    last = now;
  }
  return performance.now() - began;
}

/**
 * @typedef {object} Measured
 * @property {number} callsPerSecond
 * @property {number} chunksPerSecond
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} cpuMicrosPerCall
 * @property {number | null} cpuMicrosPerChunk
 * @property {number} rssMb
 * @property {number} restMs from the last answer until the system rested
 * @property {{ name: string, processes: number, cpuMicros: number, rssMb: number }[]} processes `cpuMicros` per call or chunk
 */

/**
 * Rate and latency come from the window; CPU is all that was used from rest to rest, over all calls.
 * @param {import('./load-generator.mjs').LoadGenerator} generator
 * @param {import('./systems.mjs').System} system
 * @param {{ scenario: Scenario, windowMs: number }} options
 * @returns {Promise<Measured>}
 */
export async function measure(generator, system, { scenario, windowMs }) {
  const booksBefore = await system.readBooks?.();
  const before = readSystem(system);
  await generator.start({ ...scenario.load, port: system.port, headers: system.headers });
  await sleep(scenario.settleMs);
  const first = await generator.look();
  await sleep(windowMs);
  const last = await generator.look();
  const { calls, chunks, errors, why } = await generator.finish();
  refuseErrors(system, scenario.name, { errors, why });
  const restMs = await waitForRest(system);
  const { cpuMicros, rssBytes, byName } = usedBetween(before, readSystem(system));
  if (booksBefore) {
    const charge = chargeNanos(scenario.load.chunksPerCall ? tokens.stream : tokens.unary);
    await refuseWrongBooks(system, { what: scenario.name, calls, chargeNanos: charge, before: booksBefore });
  }
  const seconds = (last.atMs - first.atMs) / 1000;
  const units = scenario.unit === 'chunk' ? chunks : calls;
  return {
    callsPerSecond: (last.calls - first.calls) / seconds,
    chunksPerSecond: (last.chunks - first.chunks) / seconds,
    p50Ms: last.p50Ms,
    p99Ms: last.p99Ms,
    cpuMicrosPerCall: cpuMicros / calls,
    cpuMicrosPerChunk: scenario.unit === 'chunk' ? cpuMicros / chunks : null,
    rssMb: rssBytes / 1024 / 1024,
    restMs,
    processes: [...byName].map(([name, row]) => ({
      name,
      processes: row.processes,
      cpuMicros: row.cpuMicros / units,
      rssMb: row.rssBytes / 1024 / 1024,
    })),
  };
}

/** V8 needs some 20,000 calls to settle; what is measured before that is the compiler. */
export async function warmUp(generator, system, { calls, seconds }) {
  await generator.start({ ...scenarios[0].load, port: system.port, headers: system.headers, maxCalls: calls, seconds });
  const result = await generator.wait();
  refuseErrors(system, 'warm-up', result);
  await waitForRest(system);
  return result;
}

/** Memory of all processes with the streams open, less that without them. */
export async function measureOpenStreams(generator, system) {
  const before = readSystem(system);
  await generator.start({ ...openStreams.load, port: system.port, headers: system.headers });
  await sleep(openStreams.load.rampMs + 4000);
  const looked = await generator.look();
  const after = readSystem(system);
  const { errors, why } = await generator.stop();
  refuseErrors(system, openStreams.name, { errors, why });
  if (looked.chunks < 4 * openStreams.count) {
    throw new Error(`${system.name}: not all streams are open; ${looked.chunks} chunks came`);
  }
  await sleep(1000);
  const earlier = new Map(before.map(({ pid, rssBytes }) => [pid, rssBytes]));
  const grown = after.map(({ pid, name, rssBytes }) => ({ name, bytes: rssBytes - (earlier.get(pid) ?? 0) }));
  return {
    chunks: looked.chunks,
    rssMb: after.reduce((sum, { rssBytes }) => sum + rssBytes, 0) / 1024 / 1024,
    kilobytesPerStream: grown.map(({ name, bytes }) => ({ name, kilobytes: bytes / 1024 / openStreams.count })),
  };
}
