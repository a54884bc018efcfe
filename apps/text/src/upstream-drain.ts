import type { IncomingCall } from '#libs/messaging';

/** A call that nobody waits for keeps its connection, and its hold, no longer than this. */
const maxDrainMs = 60_000;

/**
 * The caller left, and the provider generates and bills all the same: its answer is read to the end for the sake of the
 * report in it, not kept. Given up when it takes too long or this process stops.
 */
export class UpstreamDrain {
  private readonly timer: NodeJS.Timeout;

  constructor(call: Pick<IncomingCall, 'whenStopping'>, giveUp: () => void) {
    this.timer = setTimeout(giveUp, maxDrainMs);
    call.whenStopping(giveUp);
  }

  end(): void {
    clearTimeout(this.timer);
  }
}
