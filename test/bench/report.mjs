// The result as a table, as files, as one picture.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from './owned-process.mjs';
import { picture } from './picture.mjs';
import { ledgerScenario, scenarios } from './scenarios.mjs';
import { judge } from './targets.mjs';

const folder = join(root, 'docs', 'benchmarks');

const columns = [
  ['scenario', ({ scenario }) => scenario],
  ['system', ({ system }) => system],
  ['calls/s', ({ callsPerSecond }) => figure(callsPerSecond, 0)],
  ['p50 ms', ({ p50Ms }) => figure(p50Ms, 2)],
  ['p99 ms', ({ p99Ms }) => figure(p99Ms, 2)],
  ['CPU µs/call', ({ cpuMicrosPerCall }) => figure(cpuMicrosPerCall, 0)],
  ['CPU µs/chunk', ({ cpuMicrosPerChunk }) => figure(cpuMicrosPerChunk, 1)],
  ['× bare', ({ timesBare }) => figure(timesBare, 2)],
  ['RSS MB', ({ rssMb }) => figure(rssMb, 0)],
];

const figure = (value, digits) => (value === null ? '' : value.toFixed(digits));

function table(head, lines) {
  const widths = head.map((title, index) => Math.max(title.length, ...lines.map((line) => line[index].length)));
  const isText = head.map((_, index) => lines.some((line) => /[a-z]/i.test(line[index])));
  const cell = (text, index) => (isText[index] ? text.padEnd(widths[index]) : text.padStart(widths[index]));
  const text = (line) => `| ${line.map(cell).join(' | ')} |`;
  const rule = `| ${widths.map((width, index) => (isText[index] ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [text(head), rule, ...lines.map(text)].join('\n');
}

/** @param {import('./rounds.mjs').Row[]} rows */
export const resultTable = (rows) =>
  table(
    columns.map(([title]) => title),
    rows.map((row) => columns.map(([, read]) => read(row))),
  );

const targetTable = (judged) =>
  table(
    ['target', 'to reach', 'seen', 'unit', 'met'],
    judged.map(({ what, unit, limit, seen, isMet }) => [what, limit, String(seen), unit, isMet ? 'yes' : 'no']),
  );

const processTable = (details) =>
  table(
    ['scenario', 'system', 'process', 'CPU µs', 'RSS MB'],
    details
      .filter(({ system }) => system.startsWith('modapi'))
      .flatMap(({ scenario, system, processes }) =>
        processes
          .toSorted((a, b) => b.cpuMicros - a.cpuMicros)
          .map(({ name, processes: count, cpuMicros, rssMb }) => [
            scenario,
            system,
            count > 1 ? `${name} (${count} processes)` : name,
            figure(cpuMicros, 1),
            figure(rssMb, 0),
          ]),
      ),
  );

/** Spread of the bare proxy over the windows of this run: the machine's noise. */
const noise = (details) =>
  details
    .filter(({ system }) => system === 'bare')
    .map(({ scenario, cost, windows }) => `${scenario}: ${cost.min}–${cost.max} ${cost.unit} over ${windows} windows`);

/** One line per row: what each process of ModAPI adds to it. */
const shares = (details) =>
  details
    .filter(({ system }) => system.startsWith('modapi'))
    .map(({ scenario, system, cost, restMs, processes }) => {
      const parts = processes
        .toSorted((a, b) => b.cpuMicros - a.cpuMicros)
        .map(({ name, cpuMicros }) => `${name} ${cpuMicros}`);
      return `${scenario}, ${system}: ${parts.join(', ')} (${cost.unit}; at rest after ${restMs} ms)`;
    });

export function print({ rows, details }) {
  console.log(`\n${resultTable(rows)}`);
  const judged = judge({ rows, details });
  if (judged.length > 0) console.log(`\n${targetTable(judged)}`);
  const parts = shares(details);
  if (parts.length > 0) console.log(`\nBy process\n  ${parts.join('\n  ')}`);
  const noisy = noise(details);
  if (noisy.length > 0) console.log(`\nThe bare proxy in this run (noise of the machine)\n  ${noisy.join('\n  ')}`);
}

export function writeRows(path, rows) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(rows, null, 2)}\n`);
}

const scenarioList = [
  ...scenarios,
  {
    name: 'cold-start',
    what: 'from the start of `npm start` on an empty data folder (installed and built before) to the first answer',
  },
  ledgerScenario,
]
  .map(({ name, what }) => `- \`${name}\`: ${what}`)
  .join('\n');

const page = ({ date, machine, rows, details, notes }) => `# The last good run of \`npm run bench\`

${date.slice(0, 10)}, ${machine}. Made by \`npm run bench -- --save\`; do not edit.

![CPU per call and per chunk as multiples of a bare proxy](latest.svg)

\`bare\` is a proxy of node:http and undici with no feature; \`nats-hop\` puts NATS and a second process in between, also
with no feature; \`portkey\` is \`@portkey-ai/gateway\`. All answer the same calls from the same mock upstream. CPU is user
and system time of all processes of the system, NATS and Postgres included. **× bare** is the ratio to the bare proxy in
the windows right before and after; absolutes move by a factor of two between hours. Medians of three windows. ModAPI runs
with keys, usage records in Postgres, 5 % of the traces exported, and its access log; \`-prepaid\`: every call needs a hold,
and after each window the balance is what the calls cost and nothing is held. For streams p50 and p99 are the time
until the first content. RSS is a sum over processes, memory that they have in common counted in each.

${scenarioList}

${resultTable(rows)}

## Targets

${targetTable(judge({ rows, details }))}

## Where it goes

CPU per call, for streams per chunk, by process.

${processTable(details)}

## Noise

${noise(details)
  .map((line) => `- ${line}`)
  .join('\n')}
${notes.map((note) => `- ${note}`).join('\n')}
`;

export function save({ rows, details, notes }) {
  const date = new Date().toISOString();
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`;
  mkdirSync(folder, { recursive: true });
  const result = { date, machine, rows, details, notes };
  writeFileSync(join(folder, 'latest.json'), `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(join(folder, 'latest.md'), page(result));
  writeFileSync(join(folder, 'latest.svg'), picture(rows));
}
