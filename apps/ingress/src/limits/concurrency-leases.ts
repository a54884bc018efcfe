import type { Redis } from 'ioredis';

const leaseMs = 60_000;
const renewMs = 20_000;

/** A slot is a lease, not a counter: a process that dies gives its slots back within a minute. The clock is Redis'. */
const acquireScript = `
local clock = redis.call('time')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('zremrangebyscore', KEYS[1], '-inf', now)
if redis.call('zcard', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('zadd', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('pexpire', KEYS[1], ARGV[3])
return 1`;

const renewScript = `
local clock = redis.call('time')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if redis.call('zadd', KEYS[1], 'XX', 'CH', now + ARGV[2], ARGV[1]) == 1 then redis.call('pexpire', KEYS[1], ARGV[2]) end
return 1`;

interface Slot {
  readonly key: string;
  readonly id: string;
}

/** Requests under way at once, per key: in Redis for all processes, and always here too, for when Redis is away. */
export class ConcurrencyLeases {
  private readonly local = new Map<string, Set<string>>();
  private readonly slots = new Set<Slot>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly redis: Redis | undefined) {
    this.timer = setInterval(() => this.renew(), renewMs).unref();
  }

  /** The function that gives the slot back, or undefined when all are taken. */
  async acquire(name: string, limit: number, id: string): Promise<(() => void) | undefined> {
    const key = `modapi:concurrency:${name}`;
    const held = this.local.get(key) ?? new Set();
    if (held.size >= limit) return undefined;
    // Before the answer of Redis: what comes meanwhile must see it.
    held.add(id);
    this.local.set(key, held);
    const slot = { key, id };
    if (!(await this.acquireInRedis(slot, limit))) {
      this.forget(slot);
      return undefined;
    }
    this.slots.add(slot);
    return () => this.release(slot);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async acquireInRedis({ key, id }: Slot, limit: number): Promise<boolean> {
    if (this.redis?.status !== 'ready') return true;
    try {
      return (await this.redis.eval(acquireScript, 1, key, id, limit, leaseMs)) === 1;
    } catch {
      return true; // counted in this process
    }
  }

  private release(slot: Slot): void {
    if (!this.slots.delete(slot)) return;
    this.forget(slot);
    // A slot that is not given back ends by itself.
    if (this.redis?.status === 'ready') this.redis.zrem(slot.key, slot.id).catch(() => undefined);
  }

  private forget({ key, id }: Slot): void {
    const held = this.local.get(key);
    held?.delete(id);
    if (held?.size === 0) this.local.delete(key);
  }

  private renew(): void {
    if (this.redis?.status !== 'ready') return;
    for (const { key, id } of this.slots) {
      this.redis.eval(renewScript, 1, key, id, leaseMs).catch(() => undefined); // the next renewal repeats it
    }
  }
}
