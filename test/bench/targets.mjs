// What is to be reached, and whether it was. Told, never a gate: a shared machine swings by a fifth between starts.

const find = (rows, scenario, system) => rows.find((row) => row.scenario === scenario && row.system === system);
const times = (scenario, system) => (rows) => find(rows, scenario, system)?.timesBare ?? null;
const addedMs = (system) => (rows) => {
  const own = find(rows, 'unary-1', system)?.p50Ms;
  const bare = find(rows, 'unary-1', 'bare')?.p50Ms;
  return own == null || bare == null ? null : own - bare;
};

/** @type {{ what: string, unit: string, atMost: number, read: (rows: import('./rounds.mjs').Row[]) => number | null }[]} */
const targets = [
  { what: 'CPU per call, cluster', unit: '× bare', atMost: 7, read: times('unary-32', 'modapi-cluster') },
  { what: 'CPU per call, standalone', unit: '× bare', atMost: 4, read: times('unary-32', 'modapi-standalone') },
  { what: 'added latency at 1 in flight, p50, cluster', unit: 'ms', atMost: 1, read: addedMs('modapi-cluster') },
  { what: 'added latency at 1 in flight, p50, standalone', unit: 'ms', atMost: 1, read: addedMs('modapi-standalone') },
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
export function judge(rows) {
  return targets.flatMap(({ what, unit, atMost, read }) => {
    const seen = read(rows);
    return seen === null ? [] : [{ what, unit, atMost, seen: Number(seen.toFixed(2)), isMet: seen <= atMost }];
  });
}
