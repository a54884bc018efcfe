import type { DoorLimits } from './limits.js';

/** What all large bodies of this process may hold together, counted while they arrive. */
export class BodyBudget {
  private held = 0;

  constructor(private readonly limits: DoorLimits) {}

  share(): BodyShare {
    return new BodyShare((wanted, before) => this.take(wanted, before), this.limits.countedBodyBytes);
  }

  private take(wanted: number, before: number): boolean {
    if (wanted > before && this.held + wanted - before > this.limits.heldBodyBytes) return false;
    this.held += wanted - before;
    return true;
  }
}

/** One body's part of the budget. Small bodies are not counted. */
export class BodyShare {
  private counted = 0;
  private released = false;

  constructor(
    private readonly take: (wanted: number, before: number) => boolean,
    private readonly countedFrom: number,
  ) {}

  /** The body holds so many bytes now. False when the budget has no room for them; then nothing changed. */
  hold(bytes: number): boolean {
    if (this.released) return false;
    const wanted = bytes > this.countedFrom ? bytes : 0;
    if (!this.take(wanted, this.counted)) return false;
    this.counted = wanted;
    return true;
  }

  /** For good; more than once is once. */
  release(): void {
    this.released = true;
    this.take(0, this.counted);
    this.counted = 0;
  }
}
