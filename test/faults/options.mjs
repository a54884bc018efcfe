// The command line of `npm run faults`.
import { parseArgs } from 'node:util';

const usage = `npm run faults -- [options]

  --minutes <number>   how long faults are injected (default 10)
  --seed <number>      the same seed chooses the same faults and calls (default 1)
  --rate <number>      calls begun per second (default 12)
  --save               write the report to docs/reliability.md
  --keep               keep the folder with logs, call log and database
  --verbose            show the log of every process

Starts its own NATS, Redis, Postgres and gateway on free ports, injects faults, lets it settle, and compares the
upstream's own call log with the ledger. Ends with 0 only if no call is lost, none is charged twice, and every
invariant holds.`;

/** What is wrong with the command line; told without a stack. */
export class UsageError extends Error {}

/** @param {string[]} argv */
export function readOptions(argv) {
  let values;
  try {
    ({ values } = parseArgs({
      args: argv,
      options: {
        minutes: { type: 'string', default: '10' },
        seed: { type: 'string', default: '1' },
        rate: { type: 'string', default: '12' },
        save: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(`${error.message}\n\n${usage}`);
  }
  if (values.help) throw new UsageError(usage);
  const [minutes, seed, rate] = ['minutes', 'seed', 'rate'].map((name) => Number(values[name]));
  if (!(minutes > 0 && minutes <= 600)) throw new UsageError('--minutes is a number above 0, at most 600');
  if (!Number.isSafeInteger(seed)) throw new UsageError('--seed is an integer');
  if (!(rate > 0 && rate <= 200)) throw new UsageError('--rate is a number above 0, at most 200');
  return { minutes, seed, rate, save: values.save, keep: values.keep, verbose: values.verbose };
}
