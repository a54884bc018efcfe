// The command line of `npm start`. Plain JavaScript: it runs before anything is installed.

/** @typedef {{ port: number | undefined, host: string | undefined, dataDir: string | undefined, config: string | undefined, cluster: boolean, scale: Record<string, number>, watch: boolean, help: boolean }} Arguments */

/** Apps that can run more than once. */
export const scalable = ['ingress', 'text', 'embedding', 'audio', 'image', 'billing'];

export const help = `npm start -- [options]

  --port <number>         port of the API, 0 for a free one (default 8080)
  --host <address>        address to listen on (default 127.0.0.1: this machine only)
  --data-dir <folder>     database, keys and logs (default .modapi/)
  --config <file>         modapi.yaml: your providers and models (docs/configuration.md)
  --cluster               every app its own process, on NATS, Redis and Postgres
  --scale <app=n,…>       with --cluster: processes per app, e.g. text=2,ingress=2
  --watch                 rebuild and restart when sources change
  --help                  this text
`;

const readers = {
  '--port': (options, value) => (options.port = wholeNumber('--port', value, 0, 65_535)),
  '--host': (options, value) => (options.host = value),
  '--data-dir': (options, value) => (options.dataDir = value),
  '--config': (options, value) => (options.config = value),
  '--scale': (options, value) => (options.scale = readScale(value)),
};
const switches = { '--cluster': 'cluster', '--watch': 'watch', '--help': 'help', '-h': 'help' };

/** An error of the user: shown as one line. */
export class UsageError extends Error {}

/** @param {readonly string[]} argv @returns {Arguments} */
export function parseArguments(argv) {
  const options = {
    port: undefined,
    host: undefined,
    dataDir: undefined,
    config: undefined,
    cluster: false,
    scale: {},
    watch: false,
    help: false,
  };
  for (let index = 0; index < argv.length; index++) {
    const [name, inline] = splitOnce(argv[index], '=');
    if (name in switches && inline === undefined) {
      options[switches[name]] = true;
    } else if (name in readers) {
      const value = inline ?? argv[++index];
      if (value === undefined || value === '') throw new UsageError(`${name} needs a value`);
      readers[name](options, value);
    } else {
      throw new UsageError(unknownOption(argv[index]));
    }
  }
  if (Object.keys(options.scale).length > 0 && !options.cluster) throw new UsageError('--scale needs --cluster');
  return options;
}

function splitOnce(text, separator) {
  const at = text.startsWith('--') ? text.indexOf(separator) : -1;
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function unknownOption(given) {
  const [name] = splitOnce(given, '=');
  const near = [...Object.keys(readers), ...Object.keys(switches)].find(
    (known) =>
      known.length > 2 && name.length > 3 && (known.startsWith(name) || name.startsWith(known) || swaps(name, known)),
  );
  return `unknown option ${given}${near ? `; did you mean ${near}?` : ''} (--help lists all)`;
}

/** One letter wrong, missing, too many, or two swapped. */
function swaps(left, right) {
  if (Math.abs(left.length - right.length) > 1) return false;
  let start = 0;
  while (start < left.length && left[start] === right[start]) start++;
  let end = 0;
  while (end < Math.min(left.length, right.length) - start && left.at(-1 - end) === right.at(-1 - end)) end++;
  return Math.max(left.length, right.length) - start - end <= 2;
}

function wholeNumber(name, text, lowest, highest) {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= lowest && value <= highest) return value;
  throw new UsageError(`${name} needs a whole number from ${lowest} to ${highest}, not ${text}`);
}

function readScale(text) {
  const entries = text.split(',').map((part) => {
    const [app, count] = splitPair(part);
    if (!scalable.includes(app)) throw new UsageError(`--scale knows ${scalable.join(', ')}, not ${app}`);
    return [app, wholeNumber(`--scale ${app}`, count, 1, 64)];
  });
  return Object.fromEntries(entries);
}

function splitPair(part) {
  const [app, count, ...rest] = part.split('=');
  if (!app || !count || rest.length > 0)
    throw new UsageError(`--scale is written app=number, e.g. text=2, not ${part}`);
  return [app, count];
}
