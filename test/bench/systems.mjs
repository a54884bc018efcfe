// The systems under test: how each is started, and where it listens. All talk to the same mock upstream.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { NotHere } from './not-here.mjs';
import { node, root, startProgram, startServer, stop, waitUntil } from './owned-process.mjs';
import { fetchPortkey } from './portkey.mjs';
import { makePrepaid } from './prepaid.mjs';
import { bodies, mediaModels, models, price } from './wire.mjs';

/**
 * @typedef {object} System
 * @property {string} name
 * @property {number} port
 * @property {Record<string, string>} headers
 * @property {number[]} roots all processes below these belong to it
 * @property {() => Promise<void>} stop
 * @property {string} [dataDir]
 * @property {() => Promise<import('./prepaid.mjs').Books>} [readBooks] where calls are paid for: its balance
 */

const bearer = { authorization: 'Bearer bench' };

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const answersOn = (port) =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

async function startBare({ upstream }) {
  const { child, port } = await startServer('bare.mjs', [upstream]);
  return { name: 'bare', port, headers: bearer, roots: [child.pid], stop: () => stop(child) };
}

async function startNatsHop({ upstream }) {
  const port = await freePort();
  const argv = ['-a', '127.0.0.1', '-p', String(port)];
  if (spawnSync('nats-server', ['--version']).error) throw new NotHere('there is no nats-server on the PATH');
  const nats = startProgram({ command: 'nats-server', argv });
  await waitUntil(() => answersOn(port), { what: 'nats-server', timeoutMs: 10_000, ...nats });
  const servers = `nats://127.0.0.1:${port}`;
  const worker = await startServer('nats-hop.mjs', ['worker', servers, upstream]);
  const ingress = await startServer('nats-hop.mjs', ['ingress', servers, upstream]);
  const children = [ingress.child, worker.child, nats.child];
  return {
    name: 'nats-hop',
    port: ingress.port,
    headers: bearer,
    roots: children.map(({ pid }) => pid),
    stop: async () => {
      for (const child of children) await stop(child);
    },
  };
}

async function startPortkey({ upstream }) {
  const script = fetchPortkey();
  const port = await freePort();
  const program = startProgram({
    command: node,
    argv: [script, `--port=${port}`, '--headless'],
    env: { NODE_ENV: 'production', TRUSTED_CUSTOM_HOSTS: '127.0.0.1' },
  });
  await waitUntil(() => answersOn(port), { what: 'portkey', timeoutMs: 20_000, ...program });
  const headers = { ...bearer, 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `${upstream}/v1` };
  return { name: 'portkey', port, headers, roots: [program.child.pid], stop: () => stop(program.child) };
}

/** JSON is YAML too. */
const modapiYaml = (upstream) =>
  JSON.stringify({
    apiVersion: 'modapi/v1',
    providers: { bench: { preset: 'openai-compatible', baseUrl: `${upstream}/v1`, apiKey: 'env:BENCH_UPSTREAM_KEY' } },
    models: [...models.map((id) => ({ id, price })), ...mediaModels].map(({ price: own, ...model }) => ({
      ...model,
      deployments: [{ provider: 'bench', price: own }],
    })),
  });

/** `NAME=value` lines, perhaps with `export` and quotes. */
function readClientEnv(path) {
  const lines = readFileSync(path, 'utf8').matchAll(/^(?:export )?([A-Z_]+)=["']?([^"'\n]*)/gm);
  return Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
}

/** A call that goes the whole way, to the mock upstream and back. */
const answersCalls = async (url, key) => {
  try {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/chat/completions`, {
      method: 'POST',
      headers,
      body: bodies.unary,
      signal: AbortSignal.timeout(5000),
    });
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false; // not listening yet
  }
};

/**
 * @param {string} name one that begins with `modapi-cluster` is a process for each app; all others are one process
 * @param {{ upstream: string, otlp: string, env?: Record<string, string>, dataDir?: string, everyMs?: number }} options
 */
export async function startModapi(name, { upstream, otlp, env = {}, dataDir, everyMs = 50 }) {
  const script = join(root, 'deploy', 'local', 'start.mjs');
  if (!existsSync(script)) throw new NotHere('deploy/local/start.mjs is not there yet');
  const own = dataDir ?? mkdtempSync(join(tmpdir(), 'modapi-bench-'));
  const config = join(own, 'bench.yaml');
  writeFileSync(config, modapiYaml(upstream));
  const clientEnv = join(own, 'data', 'client.env');
  rmSync(clientEnv, { force: true });
  const argv = [script, '--port', '0', '--data-dir', join(own, 'data'), '--config', config];
  const program = startProgram({
    command: node,
    argv: name.startsWith('modapi-cluster') ? [...argv, '--cluster'] : argv,
    env: {
      PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
      BENCH_UPSTREAM_KEY: 'bench',
      OTEL_EXPORTER_OTLP_ENDPOINT: otlp,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.05',
      ...env,
    },
  });
  const remove = () => dataDir ?? rmSync(own, { recursive: true, force: true });
  process.once('exit', remove); // also where the bench is interrupted
  try {
    await waitUntil(() => existsSync(clientEnv), { what: name, timeoutMs: 120_000, everyMs, ...program });
    const { OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: key } = readClientEnv(clientEnv);
    const isReady = () => answersCalls(baseUrl, key);
    await waitUntil(isReady, { what: `${name} at ${baseUrl}`, timeoutMs: 60_000, everyMs, ...program });
  } catch (error) {
    await stop(program.child);
    remove();
    throw error;
  }
  const { OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: key, OPENAI_ADMIN_KEY: adminKey } = readClientEnv(clientEnv);
  return {
    name,
    access: { baseUrl, key, adminKey },
    port: Number(new URL(baseUrl).port),
    headers: { authorization: `Bearer ${key}` },
    roots: [program.child.pid],
    lastOutput: program.lastOutput,
    stop: async () => {
      await stop(program.child);
      remove();
    },
  };
}

/** The same processes with the same load, whose calls are paid for beforehand: each needs a hold. */
async function startPrepaid(name, options) {
  const system = await startModapi(name, options);
  try {
    return { ...system, ...(await makePrepaid(system.access)) };
  } catch (error) {
    await system.stop();
    throw error;
  }
}

/** In the order of the table. */
export const systems = [
  { name: 'bare', start: startBare },
  { name: 'nats-hop', start: startNatsHop },
  { name: 'portkey', start: startPortkey },
  { name: 'modapi-standalone', start: (options) => startModapi('modapi-standalone', options) },
  { name: 'modapi-cluster', start: (options) => startModapi('modapi-cluster', options) },
  { name: 'modapi-standalone-prepaid', start: (options) => startPrepaid('modapi-standalone-prepaid', options) },
  { name: 'modapi-cluster-prepaid', start: (options) => startPrepaid('modapi-cluster-prepaid', options) },
];
