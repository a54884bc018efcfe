// `npm run faults`: all the set-up, then one run. Nothing of a package may be imported before it is installed.
import { prepare } from '../../deploy/local/prepare.mjs';
import { readOptions, UsageError } from './options.mjs';

try {
  const options = readOptions(process.argv.slice(2));
  await prepare();
  const { run } = await import('./fault-run.mjs');
  await run(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
