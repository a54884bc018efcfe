import type { GatewayConfig } from '#libs/contracts';

/** A value built from modapi.yaml together with what is wrong with it. */
export interface Derived<T> {
  readonly value: T;
  /** One line each, naming the path in the file and what to write instead. */
  readonly problems: readonly string[];
  /** What works but may not be meant; logged. */
  readonly warnings?: readonly string[];
}

/** The newest good value; read `.current` once per call. */
export interface Live<T> {
  readonly current: T;
}

/** modapi.yaml, reloaded on change: all derived values are swapped together, or none is. */
export interface LiveConfig {
  /** Builds a value now and at each reload. A reload in which any build has problems changes nothing and is logged. */
  derive<T>(build: (config: GatewayConfig) => Derived<T>): Live<T>;
}

/** Nest injection token of the `LiveConfig`. */
export const LIVE_CONFIG = Symbol.for('modapi.live-config');
/** Nest injection token of the `Bus`. */
export const BUS = Symbol.for('modapi.bus');
/** Nest injection token of the `Logger`. */
export const LOGGER = Symbol.for('modapi.logger');
/** Nest injection token of the `ReadSecret`. */
export const READ_SECRET = Symbol.for('modapi.read-secret');
