/** What the stored answers of one organization may add up to: an answer beyond it is treated as too large to keep. */
export const maxStoredBytes = 64 * 1024 * 1024;

const readAgainMs = 10_000;
const maxRemembered = 10_000;

interface Total {
  readonly readAt: number;
  readonly storedBytes: Promise<number>;
  /** By this process, since then. */
  addedBytes: number;
}

/**
 * How much room each organization has left. The sum over fifty thousand small answers takes 5 ms, so it is read once in
 * ten seconds and counted on in between: several processes may together exceed the limit by what they store meanwhile.
 */
export class AnswerRoom {
  private readonly totals = new Map<string, Total>();

  constructor(private readonly readStoredBytes: (organizationId: string) => Promise<number>) {}

  /** False: no room for so much. */
  async take(organizationId: string, bytes: number): Promise<boolean> {
    const total = this.totalOf(organizationId);
    const storedBytes = await total.storedBytes;
    // No await between these lines: two answers must not take the same room.
    if (storedBytes + total.addedBytes + bytes > maxStoredBytes) return false;
    total.addedBytes += bytes;
    return true;
  }

  private totalOf(organizationId: string): Total {
    const known = this.totals.get(organizationId);
    if (known && performance.now() - known.readAt < readAgainMs) return known;
    if (this.totals.size >= maxRemembered) this.totals.clear();
    const storedBytes = this.readStoredBytes(organizationId);
    const total = { readAt: performance.now(), storedBytes, addedBytes: 0 };
    this.totals.set(organizationId, total);
    // Whoever waits for it is told; the next one asks anew.
    storedBytes.catch(() => this.totals.delete(organizationId));
    return total;
  }
}
