/** Whether this process still takes calls. */
export class DrainState {
  private begunAt: number | undefined;

  constructor(private readonly graceMs: number) {}

  begin(): void {
    this.begunAt ??= performance.now();
  }

  /** Not ready any more; every answer closes its connection. */
  get draining(): boolean {
    return this.begunAt !== undefined;
  }

  /** The grace is over: new calls are refused. */
  get refusing(): boolean {
    return this.begunAt !== undefined && performance.now() - this.begunAt >= this.graceMs;
  }
}
