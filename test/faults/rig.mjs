// What the faults happen to: private services behind cuttable connections, and a cluster as `npm start` starts it.
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root, runtimeNode } from '../../deploy/local/prepare.mjs';
import { startCutProxy } from './cut-proxy.mjs';

/** Seconds that a hold lives without renewal: short, so that a run can watch it expire. */
export const leaseSeconds = 10;
const foreign = /^(NODE_OPTIONS|NODE_ENV|JEST_WORKER_ID|MODAPI_|OTEL_|(NATS|REDIS|DATABASE)_URL$)/;

/** Services by name: how they start, on which port again, and the proxy in front. */
async function startServices(folder) {
  const { startNats, startPostgres, startRedis } = await import('../../dist/deploy/local/services.js');
  const starts = {
    nats: (port) => startNats({ dir: join(folder, 'nats'), ...port }),
    redis: (port) => startRedis({ dir: join(folder, 'redis'), ...port }),
    postgres: (port) => startPostgres({ dir: join(folder, 'postgres'), durable: true, ...port }),
  };
  const services = {};
  for (const [name, start] of Object.entries(starts)) {
    const running = await start();
    const { port } = new URL(running.url);
    services[name] = {
      name,
      running,
      proxy: await startCutProxy(Number(port)),
      url: running.url,
      async restart(signal) {
        this.running.kill(signal);
        await this.running.exited;
        this.running = await startAgain(() => start({ port: Number(port) }));
      },
      kill(signal) {
        this.running.kill(signal);
      },
    };
  }
  return services;
}

/** A port may still be taken for a moment, and Postgres may still be busy with its last end. */
async function startAgain(start, tries = 20) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start();
    } catch (error) {
      if (attempt >= tries) throw error;
      await sleep(500);
    }
  }
}

/** @param {{ seed: number, verbose: boolean }} options */
export async function startRig({ seed, verbose }) {
  const folder = mkdtempSync(join(tmpdir(), `modapi-faults-${seed}-`));
  const services = await startServices(folder);
  const through = (name) => {
    const url = new URL(services[name].url);
    url.port = String(services[name].proxy.port);
    return url.href;
  };
  const callLog = join(folder, 'calls.jsonl');
  const environment = {
    NATS_URL: through('nats').replace(/\/$/, ''),
    REDIS_URL: through('redis').replace(/\/$/, ''),
    DATABASE_URL: through('postgres'),
    MODAPI_SANDBOX_CALL_LOG: callLog,
    MODAPI_HOLD_LEASE_SECONDS: String(leaseSeconds),
    MODAPI_DRAIN_SECONDS: '10',
  };
  const child = startGateway(folder, environment, verbose);
  const client = await waitForClientEnv(child, join(folder, 'data', 'client.env'), join(folder, 'gateway.log'));
  return {
    folder,
    services,
    callLog,
    baseUrl: client.OPENAI_BASE_URL,
    operatorKey: client.OPENAI_ADMIN_KEY,
    /** Straight to Postgres: for the check, not for the gateway. */
    databaseUrl: services.postgres.url,
    natsUrl: services.nats.url,
    /** Pids of an app's processes right now. */
    pidsOf: (app) =>
      descendants(child.pid)
        .filter(({ command }) => command.includes(`apps/${app}/src/main.js`))
        .map(({ pid }) => pid),
    async stop({ keep }) {
      child.kill('SIGINT');
      await Promise.race([new Promise((resolve) => child.once('exit', resolve)), sleep(40_000)]);
      if (child.exitCode === null) child.kill('SIGKILL');
      for (const { proxy, running } of Object.values(services)) {
        await proxy.close();
        await running.stop();
      }
      if (!keep) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Its output goes to a file; every process of it says there what became of it. */
function startGateway(folder, environment, verbose) {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
  const scale = ['--cluster', '--scale', 'ingress=2,text=2,billing=2'];
  const command = ['deploy/local/start.mjs', ...scale, '--port', '0', '--data-dir', join(folder, 'data')];
  const stdio = ['ignore', 'pipe', 'pipe'];
  const child = spawn(runtimeNode(), command, { cwd: root, stdio, env: { ...own, ...environment } });
  const log = createWriteStream(join(folder, 'gateway.log'));
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      log.write(chunk);
      if (verbose) process.stderr.write(chunk);
    });
  }
  return child;
}

async function waitForClientEnv(child, file, log) {
  for (let waitedMs = 0; waitedMs < 120_000; waitedMs += 100) {
    if (child.exitCode !== null)
      throw new Error(`the gateway ended with ${child.exitCode}:\n${readFileSync(log, 'utf8')}`);
    if (existsSync(file)) {
      const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
      return Object.fromEntries(lines.map((line) => line.split('=')));
    }
    await sleep(100);
  }
  throw new Error(`the gateway did not start in two minutes; see ${log}`);
}

/** All living processes below `pid`, from /proc. */
function descendants(pid) {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processOf(Number(name)));
  const found = [];
  const parents = new Set([pid]);
  for (let added = true; added;) {
    added = false;
    for (const info of all) {
      if (!parents.has(info.parent) || parents.has(info.pid)) continue;
      parents.add(info.pid);
      found.push(info);
      added = true;
    }
  }
  return found;
}

function processOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return [];
    return [{ pid, parent: Number(parent), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8') }];
  } catch {
    return []; // it ended while we looked
  }
}
