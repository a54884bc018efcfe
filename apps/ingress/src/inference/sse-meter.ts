const newLine = 0x0a;

/**
 * Counts server-sent events as they pass, without reading them: the count is what is known of an answer whose worker
 * died, and a comment may only stand between two events.
 */
export class SseMeter {
  events = 0;
  private endsWithLine = false;
  private boundary = true;

  /** True while the next byte would begin a new event. */
  get betweenEvents(): boolean {
    return this.boundary;
  }

  see(chunk: Uint8Array): void {
    const { length } = chunk;
    if (length === 0) return;
    let at = this.endsWithLine && chunk[0] === newLine ? this.count(1) : 0;
    for (at = chunk.indexOf(newLine, at); at >= 0 && at < length; at = chunk.indexOf(newLine, at)) {
      if (chunk[at + 1] === newLine) at = this.count(at + 2);
      else at++;
    }
    this.boundary = chunk[length - 1] === newLine && (length > 1 ? chunk[length - 2] === newLine : this.endsWithLine);
    this.endsWithLine = chunk[length - 1] === newLine && !this.boundary;
  }

  private count(next: number): number {
    this.events++;
    return next;
  }
}
