/** Someone who must not be silent for longer than `limitMs`. */
export interface Watched {
  /** 0: not watched now. */
  limitMs: number;
  /** Set to 0 by every sign of life: cheaper than a timer or a clock per chunk. */
  silentMs: number;
  silentTooLong(): void;
}

const tickMs = 200;

/** One timer for all calls in flight; it runs only while there are some. Late by at most one tick. */
export class SilenceWatch {
  private readonly watched = new Set<Watched>();
  private timer: NodeJS.Timeout | undefined;

  add(watched: Watched): void {
    this.watched.add(watched);
    this.timer ??= setInterval(() => this.tick(), tickMs);
    this.timer.unref();
  }

  remove(watched: Watched): void {
    this.watched.delete(watched);
    if (this.watched.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private tick(): void {
    for (const watched of this.watched) {
      watched.silentMs += tickMs;
      if (watched.limitMs > 0 && watched.silentMs > watched.limitMs + tickMs) watched.silentTooLong();
    }
  }
}
