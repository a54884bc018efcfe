export interface CircuitLimits {
  readonly consecutiveFailures: number;
  /** Ejected when more than this part of at least `minCalls` in `windowMs` failed. */
  readonly failedPart: number;
  readonly minCalls: number;
  readonly windowMs: number;
  /** The n-th ejection in a row lasts n times this. */
  readonly ejectionMs: number;
  readonly maxEjectionMs: number;
}

export const defaultCircuitLimits: CircuitLimits = {
  consecutiveFailures: 5,
  failedPart: 0.5,
  minCalls: 20,
  windowMs: 30_000,
  ejectionMs: 30_000,
  maxEjectionMs: 300_000,
};

/** Calls and failures of one half of the window. */
interface Half {
  startedAt: number;
  calls: number;
  failures: number;
}

/** Whether one deployment gets calls: closed, open for a while after failures, then half-open for one probe. */
export class Circuit {
  private consecutive = 0;
  private current: Half = { startedAt: Number.NEGATIVE_INFINITY, calls: 0, failures: 0 };
  private previous: Half = this.current;
  private ejections = 0;
  /** 0: closed. */
  private openUntil = 0;
  private lastOpenUntil = 0;
  /** A rate limit is no illness: when it ends, all calls come back at once. */
  private limitedUntil = 0;
  private probing = false;

  constructor(private readonly limits: CircuitLimits = defaultCircuitLimits) {}

  /** When it takes calls again; not later than `now`: it does. */
  availableAt(now: number): number {
    if (this.openUntil === 0) return this.limitedUntil;
    // Half-open with its probe on the way: the others wait for what it finds.
    const circuitAt = this.probing ? Math.max(this.openUntil, now + 1) : this.openUntil;
    return Math.max(circuitAt, this.limitedUntil);
  }

  /** A call goes out. */
  taken(now: number): void {
    if (this.openUntil > 0 && now >= this.openUntil) this.probing = true;
  }

  succeeded(now: number): void {
    this.count(now, false);
    this.consecutive = 0;
    this.close();
  }

  failed(now: number): void {
    this.count(now, true);
    this.consecutive++;
    const calls = this.current.calls + this.previous.calls;
    const failures = this.current.failures + this.previous.failures;
    const mostFailed = calls >= this.limits.minCalls && failures > calls * this.limits.failedPart;
    if (this.probing || this.consecutive >= this.limits.consecutiveFailures || mostFailed) this.eject(now);
  }

  rateLimited(now: number, waitMs: number | undefined): void {
    this.probing = false;
    if (waitMs !== undefined) this.limitedUntil = now + Math.min(waitMs, this.limits.maxEjectionMs);
  }

  /** The call says nothing about the provider: the caller went away, or the request itself was refused. */
  abandoned(): void {
    this.probing = false;
  }

  private close(): void {
    this.openUntil = 0;
    this.probing = false;
  }

  private eject(now: number): void {
    // Calls that were in flight when it opened fail late; they do not lengthen it.
    if (now < this.openUntil) return;
    const healthyForLong = now - this.lastOpenUntil > this.limits.maxEjectionMs;
    this.ejections = healthyForLong ? 1 : this.ejections + 1;
    this.openUntil = now + Math.min(this.limits.ejectionMs * this.ejections, this.limits.maxEjectionMs);
    this.lastOpenUntil = this.openUntil;
    this.probing = false;
    this.consecutive = 0;
    this.current = { startedAt: now, calls: 0, failures: 0 };
    this.previous = this.current;
  }

  private count(now: number, failed: boolean): void {
    const half = this.limits.windowMs / 2;
    const age = now - this.current.startedAt;
    if (age >= half) {
      const fresh = { startedAt: now, calls: 0, failures: 0 };
      this.previous = age < this.limits.windowMs ? this.current : { ...fresh };
      this.current = fresh;
    }
    this.current.calls++;
    if (failed) this.current.failures++;
  }
}
