// What is to be reached, and whether it was. Told, never a gate: a shared machine swings by a fifth between starts.

const find = (rows, scenario, system) => rows.find((row) => row.scenario === scenario && row.system === system);
const times = (scenario, system) => (rows) => find(rows, scenario, system)?.timesBare ?? null;
const addedMs = (system) => (rows) => {
  const own = find(rows, 'unary-1', system)?.p50Ms;
  const bare = find(rows, 'unary-1', 'bare')?.p50Ms;
  return own == null || bare == null ? null : own - bare;
};

const rateOf = (system) => (rows) => find(rows, 'ledger', system)?.callsPerSecond ?? null;
/** Of those processes alone, all of one name together. */
const microsOf = (scenario, system, names) => (_, details) => {
  const processes = details.find((one) => one.scenario === scenario && one.system === system)?.processes;
  if (!processes) return null;
  return processes.filter(({ name }) => names.includes(name)).reduce((sum, { cpuMicros }) => sum + cpuMicros, 0);
};

/**
 * @typedef {object} Target
 * @property {string} what
 * @property {string} unit
 * @property {number} [atMost]
 * @property {number} [atLeast]
 * @property {(rows: import('./rounds.mjs').Row[], details: { scenario: string, system: string, processes: { name: string, cpuMicros: number }[] }[]) => number | null} read
 */

/** @type {Target[]} */
const targets = [
  { what: 'CPU per call, cluster', unit: '× bare', atMost: 7, read: times('unary-32', 'modapi-cluster') },
  {
    what: 'CPU per prepaid call, cluster',
    unit: '× bare',
    atMost: 8.5,
    read: times('unary-32', 'modapi-cluster-prepaid'),
  },
  { what: 'CPU per call, standalone', unit: '× bare', atMost: 4, read: times('unary-32', 'modapi-standalone') },
  { what: 'added latency at 1 in flight, p50, cluster', unit: 'ms', atMost: 1, read: addedMs('modapi-cluster') },
  { what: 'added latency at 1 in flight, p50, standalone', unit: 'ms', atMost: 1, read: addedMs('modapi-standalone') },
  {
    what: 'added latency at 1 in flight, p50, prepaid, cluster',
    unit: 'ms',
    atMost: 2,
    read: addedMs('modapi-cluster-prepaid'),
  },
  {
    what: 'CPU of billing and Postgres per prepaid call, 200 calls/s, cluster',
    unit: 'µs',
    atMost: 500,
    read: microsOf('unary-200', 'modapi-cluster-prepaid', ['billing', 'postgres']),
  },
  {
    what: 'holds and captures of the ledger, one hot organization',
    unit: '/s',
    atLeast: 5000,
    read: rateOf('one hot organization'),
  },
  {
    what: 'holds and captures of the ledger, 1,000 organizations',
    unit: '/s',
    atLeast: 5000,
    read: rateOf('1,000 organizations'),
  },
  { what: 'CPU per paced chunk, cluster', unit: '× bare', atMost: 3, read: times('stream-paced', 'modapi-cluster') },
  {
    what: 'CPU per chunk of a burst, cluster',
    unit: '× bare',
    atMost: 1.5,
    read: times('stream-bursts', 'modapi-cluster'),
  },
  {
    what: 'cold start to first answer, standalone',
    unit: 's',
    atMost: 15,
    read: (rows) => {
      const ms = find(rows, 'cold-start', 'modapi-standalone')?.p50Ms ?? null;
      return ms === null ? null : ms / 1000;
    },
  },
  {
    what: 'memory after the cold start, standalone',
    unit: 'MB',
    atMost: 400,
    read: (rows) => find(rows, 'cold-start', 'modapi-standalone')?.rssMb ?? null,
  },
];

/** Those that this run measured. */
export function judge({ rows, details }) {
  return targets.flatMap(({ what, unit, atMost = Infinity, atLeast = 0, read }) => {
    const seen = read(rows, details);
    if (seen === null) return [];
    const limit = atLeast > 0 ? `≥ ${atLeast}` : `≤ ${atMost}`;
    return [{ what, unit, limit, seen: Number(seen.toFixed(2)), isMet: seen <= atMost && seen >= atLeast }];
  });
}
