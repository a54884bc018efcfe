// CPU and memory of a system under test: a process and everything below it, read from /proc.
import { readFileSync, readdirSync } from 'node:fs';

/** Linux reports CPU time in ticks of 10 ms on every architecture that Node runs on. */
const microsPerTick = 10_000;
const pageBytes = 4096;

/**
 * @typedef {object} ProcessReading
 * @property {number} pid
 * @property {number} parent
 * @property {string} name what it is: `ingress`, `nats-server`, `postgres`
 * @property {number} cpuMicros user and system time, with that of children that ended and were waited for
 * @property {number} rssBytes
 */

/** @returns {{ parent: number, command: string, cpuMicros: number, rssBytes: number } | undefined} */
function readStat(pid) {
  let text;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined; // it ended between the listing and now
  }
  // The command is in brackets and may itself hold brackets and spaces.
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14]);
  return {
    parent: Number(fields[1]),
    command: text.slice(text.indexOf('(') + 1, end),
    cpuMicros: ticks * microsPerTick,
    rssBytes: Number(fields[21]) * pageBytes,
  };
}

const names = new Map();

/** `dist/apps/text/src/main.js` is `text`; a program that is not Node has its own name. */
function nameOf(pid, command) {
  const known = names.get(pid);
  if (known?.command === command) return known.name;
  let argv = [];
  try {
    argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return command;
  }
  const script = argv.find((argument, index) => index > 0 && /\.[cm]?js$/.test(argument));
  const app = script?.match(/apps\/([^/]+)\//)?.[1];
  const program = argv[0]?.split(/[ /]/).filter(Boolean);
  const name =
    app ??
    (script
      ? script
          .split('/')
          .at(-1)
          .replace(/\.[cm]?js$/, '')
      : postgresOr(program, command));
  names.set(pid, { command, name });
  return name;
}

/** Postgres writes what it does into its command line: `postgres: checkpointer`. */
const postgresOr = (program, command) => (program?.some((part) => /^postgres:?$/.test(part)) ? 'postgres' : command);

/**
 * All processes below `root`, itself included.
 * @param {number} root
 * @returns {ProcessReading[]}
 */
export function readTree(root) {
  const all = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readStat(entry);
    if (stat) all.set(Number(entry), stat);
  }
  const children = new Map();
  for (const [pid, { parent }] of all) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const found = [];
  const queue = [root];
  for (let pid = queue.shift(); pid !== undefined; pid = queue.shift()) {
    const stat = all.get(pid);
    if (!stat) continue;
    const { parent, command, cpuMicros, rssBytes } = stat;
    found.push({ pid, parent, name: nameOf(pid, command), cpuMicros, rssBytes });
    queue.push(...(children.get(pid) ?? []));
  }
  return found;
}

/**
 * What was used between two readings, by process name and in sum.
 * A process that ended in between left its time with the parent that waited for it.
 * @param {ProcessReading[]} before
 * @param {ProcessReading[]} after
 */
export function usedBetween(before, after) {
  const byName = new Map();
  const earlier = new Map(before.map((reading) => [reading.pid, reading.cpuMicros]));
  const gone = new Set(earlier.keys());
  let cpuMicros = 0;
  let rssBytes = 0;
  for (const { pid, name, cpuMicros: now, rssBytes: rss } of after) {
    const used = now - (earlier.get(pid) ?? 0);
    gone.delete(pid);
    const row = byName.get(name) ?? { cpuMicros: 0, rssBytes: 0, processes: 0 };
    byName.set(name, { cpuMicros: row.cpuMicros + used, rssBytes: row.rssBytes + rss, processes: row.processes + 1 });
    cpuMicros += used;
    rssBytes += rss;
  }
  // What a vanished process had used before the window is in its parent's figure now, and was not used in the window.
  for (const pid of gone) cpuMicros -= earlier.get(pid);
  return { cpuMicros, rssBytes, byName };
}
