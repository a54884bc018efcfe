// The command line of `npm run bench`.
import { parseArgs } from 'node:util';
import { ledgerScenario, openStreams, scenarios } from './scenarios.mjs';
import { systems } from './systems.mjs';

const usage = `npm run bench -- [options]

  --quick          short windows, little warm-up, the ledger and standalone prepaid left out: some two minutes
  --full           also ${openStreams.what}
  --only a,b,…     these systems and scenarios only (bare always runs beside)
  --json FILE      the rows as JSON
  --save           keep the result under docs/benchmarks/ (refused with --quick and --only)
  --profile        CPU profiles of the ModAPI processes under load, into docs/benchmarks/profile.md; nothing else

  systems:   ${systems.map(({ name }) => name).join(', ')}
  scenarios: ${[...scenarios, ledgerScenario, openStreams].map(({ name }) => name).join(', ')}`;

/** Without --quick, or where it is named. */
const notQuick = 'modapi-standalone-prepaid';

/** What is wrong with the command line; told without a stack. */
export class UsageError extends Error {}

function chosen({ only, quick }) {
  const words = only?.split(',').filter(Boolean) ?? [];
  const known = new Set([...systems, ...scenarios, ledgerScenario, openStreams].map(({ name }) => name));
  const unknown = words.filter((word) => !known.has(word));
  if (unknown.length > 0) throw new UsageError(`No system or scenario named ${unknown.join(', ')}.\n\n${usage}`);
  const among = (list) => {
    const named = list.filter(({ name }) => words.includes(name));
    return named.length > 0 ? named : list;
  };
  const onlyLedger = words.length > 0 && words.every((word) => word === ledgerScenario.name);
  const wanted = among(systems).filter(({ name }) => !quick || name !== notQuick || words.includes(notQuick));
  const extra = [openStreams.name, ledgerScenario.name];
  const onlyExtra = words.some((word) => extra.includes(word)) && !scenarios.some(({ name }) => words.includes(name));
  return {
    systems: onlyLedger ? [] : [systems[0], ...wanted.filter(({ name }) => name !== 'bare')],
    scenarios: onlyExtra ? [] : among(scenarios),
    openStreams: words.includes(openStreams.name),
    withLedger: (words.length === 0 && !quick) || words.includes(ledgerScenario.name),
    isPart: words.length > 0,
  };
}

/** @param {string[]} argv */
export function readOptions(argv) {
  let values;
  try {
    ({ values } = parseArgs({
      args: argv,
      options: {
        quick: { type: 'boolean', default: false },
        full: { type: 'boolean', default: false },
        only: { type: 'string' },
        json: { type: 'string' },
        save: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(`${error.message}\n\n${usage}`);
  }
  if (values.help) throw new UsageError(usage);
  const choice = chosen(values);
  if (values.save && (values.quick || choice.isPart)) {
    throw new UsageError('--save keeps whole runs only: leave out --quick and --only.');
  }
  return { ...values, ...choice, openStreams: choice.openStreams || values.full };
}
