// Rounds of windows: bare, X, bare, Y, …, so that each ratio is taken within the same minute; medians over the rounds.
import { measure } from './scenarios.mjs';

/** @param {number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * @typedef {object} Row the shape that `--json` writes
 * @property {string} scenario
 * @property {string} system
 * @property {number | null} callsPerSecond
 * @property {number | null} p50Ms streams: until the first content
 * @property {number | null} p99Ms
 * @property {number | null} cpuMicrosPerCall
 * @property {number | null} cpuMicrosPerChunk
 * @property {number | null} timesBare CPU per call, for streams per chunk, over that of `bare` in the same minute
 * @property {number | null} rssMb
 */

const round = (value, digits) => (value === null ? null : Number(value.toFixed(digits)));

/** @returns {Row} */
export function row({ scenario, system, callsPerSecond = null, p50Ms = null, p99Ms = null, ...rest }) {
  const { cpuMicrosPerCall = null, cpuMicrosPerChunk = null, timesBare = null, rssMb = null } = rest;
  return {
    scenario,
    system,
    callsPerSecond: round(callsPerSecond, 1),
    p50Ms: round(p50Ms, 3),
    p99Ms: round(p99Ms, 3),
    cpuMicrosPerCall: round(cpuMicrosPerCall, 1),
    cpuMicrosPerChunk: round(cpuMicrosPerChunk, 2),
    timesBare: round(timesBare, 2),
    rssMb: round(rssMb, 1),
  };
}

const costOf = (scenario, measured) =>
  scenario.unit === 'chunk' ? measured.cpuMicrosPerChunk : measured.cpuMicrosPerCall;

/** One round: every system once. With `interleave` bare runs between any two, else once at the start. */
async function oneRound(generator, running, { scenario, windowMs, interleave }) {
  const [bare, ...others] = running;
  const windows = [{ system: bare, measured: await measure(generator, bare, { scenario, windowMs }) }];
  for (const [index, system] of others.entries()) {
    windows.push({ system, measured: await measure(generator, system, { scenario, windowMs }) });
    const isLast = index === others.length - 1;
    if (interleave && !isLast) {
      windows.push({ system: bare, measured: await measure(generator, bare, { scenario, windowMs }) });
    }
  }
  if (interleave && others.length > 0) {
    windows.push({ system: bare, measured: await measure(generator, bare, { scenario, windowMs }) });
  }
  return windows;
}

/** Each window with its ratio to the bare windows beside it. */
function withRatios(scenario, windows) {
  const bareAt = windows.flatMap(({ system }, index) => (system.name === 'bare' ? [index] : []));
  return windows.map((window, index) => {
    const cost = costOf(scenario, window.measured);
    if (window.system.name === 'bare') return { ...window, ratio: 1 };
    const before = bareAt.findLast((at) => at < index);
    const after = bareAt.find((at) => at > index) ?? before;
    const beside = (costOf(scenario, windows[before].measured) + costOf(scenario, windows[after].measured)) / 2;
    return { ...window, ratio: cost / beside };
  });
}

function summarize(scenario, system, windows) {
  const own = windows.filter((window) => window.system === system);
  const of = (read) => median(own.map(read));
  const middle = of(({ measured }) => costOf(scenario, measured));
  // The processes of the window that is nearest to the median.
  const typical = own.toSorted(
    (a, b) => Math.abs(costOf(scenario, a.measured) - middle) - Math.abs(costOf(scenario, b.measured) - middle),
  )[0];
  const costs = own.map(({ measured }) => costOf(scenario, measured));
  return {
    row: row({
      scenario: scenario.name,
      system: system.name,
      callsPerSecond: of(({ measured }) => measured.callsPerSecond),
      p50Ms: of(({ measured }) => measured.p50Ms),
      p99Ms: of(({ measured }) => measured.p99Ms),
      cpuMicrosPerCall: of(({ measured }) => measured.cpuMicrosPerCall),
      cpuMicrosPerChunk: scenario.unit === 'chunk' ? middle : null,
      timesBare: of(({ ratio }) => ratio),
      rssMb: of(({ measured }) => measured.rssMb),
    }),
    detail: {
      scenario: scenario.name,
      system: system.name,
      windows: own.length,
      cost: {
        unit: `CPU µs per ${scenario.unit}`,
        min: round(Math.min(...costs), 1),
        max: round(Math.max(...costs), 1),
      },
      chunksPerSecond: round(
        of(({ measured }) => measured.chunksPerSecond),
        0,
      ),
      restMs: round(
        of(({ measured }) => measured.restMs),
        0,
      ),
      processes: typical.measured.processes.map((one) => ({
        ...one,
        cpuMicros: round(one.cpuMicros, 1),
        rssMb: round(one.rssMb, 1),
      })),
    },
  };
}

/**
 * @param {import('./load-generator.mjs').LoadGenerator} generator
 * @param {import('./systems.mjs').System[]} running `bare` first
 * @param {{ scenario: import('./scenarios.mjs').Scenario, rounds: number, windowMs: number, interleave: boolean, mayGoOn: () => boolean, say: (line: string) => void }} options
 */
export async function runScenario(generator, running, { scenario, rounds, windowMs, interleave, mayGoOn, say }) {
  const windows = [];
  for (let index = 1; index <= rounds; index += 1) {
    if (index > 1 && !mayGoOn()) {
      say(`${scenario.name}: time is up after ${index - 1} of ${rounds} rounds`);
      break;
    }
    const ratios = withRatios(scenario, await oneRound(generator, running, { scenario, windowMs, interleave }));
    windows.push(...ratios);
    const told = ratios.filter(({ system }) => system.name !== 'bare');
    const bare = ratios
      .filter(({ system }) => system.name === 'bare')
      .map(({ measured }) => costOf(scenario, measured));
    const figures = told.map(({ system, ratio }) => `${system.name} ×${ratio.toFixed(2)}`);
    say(`${scenario.name} ${index}/${rounds}: bare ${median(bare).toFixed(1)} µs; ${figures.join(', ')}`);
  }
  return running.map((system) => summarize(scenario, system, windows));
}
