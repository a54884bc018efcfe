import { runLedgerCheck } from './run-ledger-check.js';

const print = (line: string): void => void process.stdout.write(`${line}\n`);
process.exitCode = await runLedgerCheck(process.argv.slice(2), process.env, print);
