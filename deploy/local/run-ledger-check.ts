import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { checkLedger, type LedgerFinding } from '#apps/billing';

type Variables = Readonly<Record<string, string | undefined>>;

const help = `npm run ledger:check -- [options]

  --data-dir <folder>     of the running gateway (default .modapi/); DATABASE_URL wins over it
  --overdue <seconds>     how long after its lease a hold may be open (default 60)
  --help                  this text

Exits with 1 if an invariant is violated, with 2 if there is nothing to check.`;

/** Checks the books and prints what it found; the exit code. */
export async function runLedgerCheck(
  argv: readonly string[],
  env: Variables,
  print: (line: string) => void,
): Promise<number> {
  try {
    const options = readOptions(argv);
    if (options.help) {
      print(help);
      return 0;
    }
    const databaseUrl =
      env['DATABASE_URL'] || (await embeddedUrl(options.dataDir ?? env['MODAPI_DATA_DIR'] ?? '.modapi'));
    const findings = await checkLedger(databaseUrl, { overdueSeconds: options.overdueSeconds });
    for (const line of report(findings)) print(line);
    return findings.some(isViolated) ? 1 : 0;
  } catch (error) {
    print(`ledger:check: ${(error as Error).message || String(error)}`);
    return 2;
  }
}

interface Options {
  readonly dataDir: string | undefined;
  readonly overdueSeconds: number;
  readonly help: boolean;
}

function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: { 'data-dir': { type: 'string' }, overdue: { type: 'string' }, help: { type: 'boolean' } },
  });
  const overdue = values.overdue ?? '60';
  if (!/^\d{1,9}$/.test(overdue)) throw new Error(`--overdue needs a whole number of seconds, not ${overdue}`);
  return { dataDir: values['data-dir'], overdueSeconds: Number(overdue), help: values.help ?? false };
}

/** Of the Postgres that a standalone or a cluster runs in its data folder: the server's own files tell port and password. */
async function embeddedUrl(dataDir: string): Promise<string> {
  const folder = join(resolve(dataDir), 'postgres');
  const none = `no gateway runs on ${resolve(dataDir)}. Start one with npm start, name its folder with --data-dir, or set DATABASE_URL`;
  const [password, state] = await Promise.all([
    readFile(join(folder, 'password'), 'utf8'),
    // Lines: process id, folder, start, port, … It goes when the server stops.
    readFile(join(folder, 'data', 'postmaster.pid'), 'utf8'),
  ]).catch((error: NodeJS.ErrnoException) => {
    throw new Error(error.code === 'ENOENT' ? none : error.message, { cause: error });
  });
  const port = state.split('\n')[3]?.trim();
  if (!port) throw new Error(none);
  return `postgres://postgres:${password}@127.0.0.1:${port}/modapi`;
}

const isViolated = ({ level, count }: LedgerFinding): boolean => level === 'violation' && count > 0;

function report(findings: readonly LedgerFinding[]): string[] {
  const lines: string[] = [];
  for (const finding of findings) {
    const { id, says, level, count, offenders } = finding;
    const verdict = count === 0 ? 'ok' : `${count} ${level}${count === 1 ? '' : 's'}`;
    lines.push(`${id.padEnd(5)}${verdict.padEnd(14)}  ${says}`);
    for (const offender of offenders) lines.push(`       ${JSON.stringify(offender)}`);
    if (count > offenders.length) lines.push(`       … and ${count - offenders.length} more`);
  }
  const violated = findings.filter(isViolated);
  lines.push(
    violated.length === 0 ? 'The books are right.' : `The books are wrong: ${violated.map(({ id }) => id).join(', ')}.`,
  );
  return lines;
}
