// The faults, as a table; which one comes when is the seed's choice.
import { setTimeout as sleep } from 'node:timers/promises';

const apps = ['ingress', 'text', 'billing'];

function signal(pid, name) {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false; // it ended by itself
  }
}

/** Kills one process of an app; its supervisor starts it again. */
const killApp =
  (app) =>
  ({ rig, random }) => {
    const pids = rig.pidsOf(app);
    return pids.length > 0 && signal(random.pick(pids), 'SIGKILL') ? 1 : 0;
  };

/** Freezes a process, for longer than a lease if need be, and lets it go on as if nothing had happened. */
const freezeApp =
  (least, most) =>
  async ({ rig, random }) => {
    const pids = rig.pidsOf(random.pick(apps));
    const [pid, pauseMs] = [random.pick(pids), random.between(least, most)];
    if (pid === undefined || !signal(pid, 'SIGSTOP')) return 0;
    await sleep(pauseMs);
    signal(pid, 'SIGCONT');
    return 0;
  };

const restartService =
  (name, how) =>
  async ({ rig }) => {
    await rig.services[name].restart(how);
    return how === 'SIGKILL' ? 1 : 0;
  };

const freezeService =
  (name, least, most) =>
  async ({ rig, random }) => {
    const pauseMs = random.between(least, most);
    rig.services[name].kill('SIGSTOP');
    await sleep(pauseMs);
    rig.services[name].kill('SIGCONT');
    return 0;
  };

const cut =
  (name) =>
  ({ rig, random }) => {
    rig.services[name].proxy.cut(() => random.chance(0.7));
    return 0;
  };

const slow =
  (name) =>
  async ({ rig, random }) => {
    rig.services[name].proxy.delay(random.between(50, 300));
    await sleep(random.between(1_000, 3_000));
    rig.services[name].proxy.delay(0);
    return 0;
  };

/** What a fault does, and how many processes it killed. */
export const faults = [
  { name: 'kill -9 ingress', weight: 9, run: killApp('ingress') },
  { name: 'kill -9 text worker', weight: 14, run: killApp('text') },
  { name: 'kill -9 billing', weight: 10, run: killApp('billing') },
  { name: 'kill -9 NATS, restart', weight: 4, run: restartService('nats', 'SIGKILL') },
  { name: 'kill -9 Redis, restart', weight: 3, run: restartService('redis', 'SIGKILL') },
  { name: 'kill -9 Postgres, restart', weight: 4, run: restartService('postgres', 'SIGKILL') },
  { name: 'stop and start Postgres', weight: 2, run: restartService('postgres', 'SIGINT') },
  { name: 'freeze a process 1-4 s', weight: 6, run: freezeApp(1_000, 4_000) },
  { name: 'freeze a process beyond the lease', weight: 2, run: freezeApp(12_000, 18_000) },
  { name: 'freeze Postgres 1-4 s', weight: 2, run: freezeService('postgres', 1_000, 4_000) },
  { name: 'freeze NATS 1-3 s', weight: 2, run: freezeService('nats', 1_000, 3_000) },
  { name: 'cut connections to NATS', weight: 5, run: cut('nats') },
  { name: 'cut connections to Postgres', weight: 5, run: cut('postgres') },
  { name: 'slow Postgres', weight: 2, run: slow('postgres') },
  { name: 'duplicate usage events', weight: 4, run: ({ duplicates, random }) => duplicates.publish(random, 20) },
];

/**
 * Injects faults until the time is up; each waits for the one before.
 * @returns {Promise<{ log: { atMs: number, name: string }[], kills: number }>}
 */
export async function injectFaults({ rig, random, duplicates, until, pauseMs = [1_000, 3_500] }) {
  const startedAt = performance.now();
  const log = [];
  let kills = 0;
  const choices = faults.map((fault) => ({ weight: fault.weight, value: fault }));
  while (performance.now() < until) {
    await sleep(random.between(pauseMs[0], pauseMs[1]));
    const fault = random.weighted(choices);
    log.push({ atMs: Math.round(performance.now() - startedAt), name: fault.name });
    kills += await fault.run({ rig, random, duplicates });
  }
  return { log, kills };
}
