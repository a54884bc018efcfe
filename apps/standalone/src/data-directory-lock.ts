import { execFileSync } from 'node:child_process';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from '#libs/runtime';

/** Takes the folder for this process; the returned function gives it back. A lock left by a killed process is taken over. */
export function takeLock(folder: string): () => void {
  const lock = join(folder, 'lock');
  const own = `${lock}.${process.pid}`;
  const mine = identityOf(process.pid);
  try {
    writeFileSync(own, mine, { mode: 0o600 });
    // A link appears with its content at once, and fails if there is one.
    while (!tryLink(own, lock)) removeStale(lock, folder);
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError([`cannot write to the data folder ${folder} (${(error as NodeJS.ErrnoException).code})`]);
  } finally {
    rmSync(own, { force: true });
  }
  return () => {
    if (readLock(lock) === mine) rmSync(lock, { force: true });
  };
}

function tryLink(own: string, lock: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function removeStale(lock: string, folder: string): void {
  const holder = readLock(lock);
  if (holder === undefined) return;
  const pid = Number.parseInt(holder, 10);
  if (Number.isInteger(pid) && identityOf(pid) === holder) {
    throw new StartError([
      `the data folder ${folder} is in use by another ModAPI (pid ${pid}): stop it, or choose another --data-dir`,
    ]);
  }
  const aside = `${lock}.stale.${process.pid}`;
  renameSync(lock, aside);
  // Between our look and our rename another instance may have taken the lock: give it back.
  if (readLock(aside) !== holder) tryLink(aside, lock);
  rmSync(aside, { force: true });
}

function readLock(lock: string): string | undefined {
  try {
    return readFileSync(lock, 'utf8');
  } catch {
    return undefined; // gone in this moment
  }
}

/** Pid and moment of birth: a pid alone may belong to a stranger after a reboot. */
function identityOf(pid: number): string {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
      return `${pid} ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${startTicks}`;
    }
    return `${pid} ${execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()}`;
  } catch {
    return `${pid} not running`;
  }
}
