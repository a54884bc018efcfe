import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const megabyte = 1024 * 1024;

/** Resident memory of processes together, in bytes. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return sum + Number(kilobytes) * 1024;
  }, 0);
}

/** What is open in a process: files by their names, sockets and pipes by their kind. */
export function openHandles(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      return [readlinkSync(`${folder}/${name}`).replace(/:\[\d+\]$/, '')];
    } catch {
      // Closed while we looked.
      return [];
    }
  });
}

/** Looks at the memory of processes ten times a second. */
export class MemoryWatch {
  readonly before: number;
  peak: number;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly pids: readonly number[]) {
    this.before = residentBytes(pids);
    this.peak = this.before;
    this.timer = setInterval(() => (this.peak = Math.max(this.peak, residentBytes(pids))), 100);
  }

  /** Megabytes. */
  stop(): { before: number; peak: number; growth: number; after: number } {
    clearInterval(this.timer);
    const after = residentBytes(this.pids);
    this.peak = Math.max(this.peak, after);
    const inMegabytes = (bytes: number) => Math.round(bytes / megabyte);
    return {
      before: inMegabytes(this.before),
      peak: inMegabytes(this.peak),
      growth: inMegabytes(this.peak - this.before),
      after: inMegabytes(after),
    };
  }
}
