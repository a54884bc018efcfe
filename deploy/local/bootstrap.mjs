// Installs, builds, then hands over to the gateway. No dependencies: it runs in a fresh clone.
import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { join, resolve } from 'node:path';
import { help, parseArguments, UsageError } from './arguments.mjs';
import { build, prepare, root, runtimeNode } from './prepare.mjs';

const sameWishMs = 1_000;
// Long streams make few objects that live: a small young generation saves a hundred megabytes and costs nothing seen.
const nodeFlags = ['--max-semi-space-size=8'];

/** @param {readonly string[]} argv */
export async function main(argv) {
  try {
    const options = parseArguments(argv);
    if (options.help) {
      process.stdout.write(help);
      return;
    }
    await prepare();
    if (options.watch) await runWatching(options);
    else runOnce(options);
  } catch (error) {
    process.stderr.write(`modapi: ${error instanceof UsageError ? error.message : (error.message ?? error)}\n`);
    process.exit(1);
  }
}

function commandOf(options) {
  const program = options.cluster ? 'deploy/local/cluster-main.js' : 'apps/standalone/src/main.js';
  const args = options.cluster ? [JSON.stringify(options.scale)] : [];
  return [...nodeFlags, join(root, 'dist', program), ...args];
}

/** The command line is another spelling of the environment, and wins. */
function environmentOf(options) {
  const path = (given) => (given === undefined ? undefined : resolve(given));
  const given = {
    MODAPI_HTTP_PORT: options.port?.toString(),
    MODAPI_HTTP_HOST: options.host,
    MODAPI_DATA_DIR: path(options.dataDir),
    MODAPI_CONFIG_FILE: path(options.config),
  };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return {
    NODE_COMPILE_CACHE: join(root, '.cache', 'compile'),
    ...process.env,
    ...Object.fromEntries(set),
  };
}

/** Where this Node can become the gateway it does: one process less, and signals need no forwarding. */
function runOnce(options) {
  const node = runtimeNode();
  const args = commandOf(options);
  const env = environmentOf(options);
  if (typeof process.execve === 'function') process.execve(node, [node, ...args], env);
  const child = start(node, args, env);
  forwardSignals(() => child);
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}

/** The channel tells the gateway when this process is gone, even by SIGKILL. */
function start(node, args, env) {
  return spawn(node, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env });
}

/** A Ctrl-C comes from the terminal and once more from npm: the gateway gets it once. */
function forwardSignals(currentChild) {
  let lastAt = Number.NEGATIVE_INFINITY;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (performance.now() - lastAt < sameWishMs) return;
      lastAt = performance.now();
      currentChild()?.kill(signal);
    });
  }
}

async function runWatching(options) {
  let child;
  let stopping = false;
  const launch = () => {
    child = start(runtimeNode(), commandOf(options), environmentOf(options));
    child.on('exit', (code) => stopping && process.exit(code ?? 1));
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => (stopping = true));
  forwardSignals(() => child);
  const restart = async () => {
    try {
      if (!(await build())) return;
    } catch (error) {
      process.stderr.write(`${error.message}\n`); // a syntax error: wait for the next change
      return;
    }
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await ended;
    }
    if (!stopping) launch();
  };
  let timer;
  let queue = Promise.resolve();
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => (queue = queue.then(restart)), 200);
  };
  for (const folder of ['apps', 'libs', 'deploy']) watch(join(root, folder), { recursive: true }, changed);
  launch();
}
