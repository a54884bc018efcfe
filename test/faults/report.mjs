// The result of a run: for a person, and for docs/reliability.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../deploy/local/prepare.mjs';

const page = join(root, 'docs', 'reliability.md');
const [begin, end] = ['<!-- report: written by npm run faults -- --save -->', '<!-- end of report -->'];

const shownIds = 20;
const list = (ids) =>
  ids.length === 0 ? '0' : `${ids.length}: ${ids.slice(0, shownIds).join(', ')}${ids.length > shownIds ? ', …' : ''}`;

/** Both ingress and worker of a call must die within its lease; more than this is something else. */
const unknownShare = 0.02;

/** Every way in which a run can fail; all must be zero. */
export function violations({ result, problems, check, insistent }) {
  return [
    { name: 'lost: upstream calls that no row tells of', ids: result.lost },
    { name: 'double: requests charged more than once', ids: result.double },
    { name: 'double: Idempotency-Keys charged more than once', ids: result.doubleByKey },
    { name: 'attempt ids sent upstream twice', ids: result.repeatedAttempts },
    { name: 'wrong: charged usage that is not what the upstream reported', ids: result.wrong },
    { name: 'whole answers that callers got and nobody was charged for', ids: result.freeAnswers },
    {
      name: `unknown, beyond ${unknownShare * 100} % of all calls`,
      ids: result.unknown.slice(Math.ceil(result.calls * unknownShare)),
    },
    { name: 'open holds after the run', ids: result.states.authorized > 0 ? [`${result.states.authorized}`] : [] },
    { name: 'broken invariants (npm run ledger:check)', ids: check.passed ? [] : [check.summary] },
    { name: 'callers who insisted with an Idempotency-Key and got no answer', ids: insistent.gaveUp },
    { name: 'callers who saw what they must not see', ids: problems },
  ];
}

/** Markdown of one run. */
export function reportOf(run) {
  const { options, rounds, result, clientCalls, settledMs, duplicates, insistent } = run;
  const byName = new Map();
  for (const { name } of rounds.log) byName.set(name, (byName.get(name) ?? 0) + 1);
  const refused = (code) => clientCalls.filter(({ statuses }) => statuses.includes(`429 ${code}`)).length;
  const rows = [
    ["upstream calls (the upstream's own log)", result.calls],
    ['= captured', result.captured],
    ['+ recorded, nothing to charge (failed, aborted, refused by the upstream)', result.notCharged],
    ['+ unknown (no witness survived; listed, charged to nobody)', list(result.unknown)],
    ['late captures (after the hold had expired or was released)', result.late],
    ['charged, nano-dollars', result.revenueNanos],
    ['of it written off (beyond hold, balance and overdraft), nano-dollars', result.writtenOffNanos],
    [
      'holds captured / voided / expired',
      `${result.states.captured} / ${result.states.voided} / ${result.states.expired}`,
    ],
    ['reports by worker / by ingress for a lost worker', `${result.witnesses.worker} / ${result.witnesses.ingress}`],
    ['usage events published twice on purpose', duplicates],
    [
      'requests of callers; of those left half-way',
      `${clientCalls.length}; ${clientCalls.filter(({ leavesAfterMs }) => leavesAfterMs).length}`,
    ],
    ['holds extended by running streams; streams that money ended', `${result.extensions}; ${result.balanceStops}`],
    ['refused for lack of money / over budget', `${refused('insufficient_quota')} / ${refused('budget_exceeded')}`],
    [
      'callers who insisted with an Idempotency-Key; answered in the end',
      `${insistent.count}; ${insistent.count - insistent.gaveUp.length}`,
    ],
    ['at rest after', `${(settledMs / 1000).toFixed(0)} s`],
  ];
  const failures = violations(run);
  return [
    `Seed ${options.seed}, ${options.minutes} minutes, ${rounds.log.length} faults, of which ${rounds.kills} kills with signal 9.`,
    '',
    table(
      ['must be zero', 'seen'],
      failures.map(({ name, ids }) => [name, list(ids)]),
    ),
    '',
    table(['counts', ''], rows),
    '',
    table(
      ['fault', 'times'],
      [...byName].toSorted(([left], [right]) => left.localeCompare(right)),
    ),
  ].join('\n');
}

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Puts the report of a run into docs/reliability.md. */
export function saveReport(markdown) {
  const text = readFileSync(page, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`${page} has no place for the report`);
  // The formatter would pad every row to the longest.
  const tables = markdown.replaceAll(/\n\n\| /g, '\n\n<!-- prettier-ignore -->\n| ');
  writeFileSync(page, `${text.slice(0, from + begin.length)}\n\n${tables}\n\n${text.slice(to)}`);
}
