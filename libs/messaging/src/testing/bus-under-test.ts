import type { Bus } from '../bus.js';

/** An adapter under test. */
export interface BusUnderTest {
  /** A bus of its own process, as far as the adapter has such; subjects are shared with `peerOf`. */
  connect(): Promise<Bus>;
  /** Another process on the same bus; the same one if there is only one process. */
  peerOf(bus: Bus): Promise<Bus>;
  /** How long the reader of the back-pressure test stops. */
  readonly stallMs: number;
  stop(): Promise<void>;
}

/** The two sides of a call. */
export interface Sides {
  readonly client: Bus;
  readonly server: Bus;
}
