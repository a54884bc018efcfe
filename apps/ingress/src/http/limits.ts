/** What a caller may take of the door: sizes in bytes, times in milliseconds. */
export interface DoorLimits {
  readonly bodyBytes: number;
  /** Of all bodies larger than `countedBodyBytes` that are held at the same time. */
  readonly heldBodyBytes: number;
  readonly countedBodyBytes: number;
  readonly uriBytes: number;
  readonly headerBytes: number;
  readonly headerCount: number;
  readonly headersMs: number;
  /** For a body that is read into memory. */
  readonly requestMs: number;
  /** For a form, which may be 800 MB over a home's uplink; without a byte it has as long as another body has in all. */
  readonly formMs: number;
  readonly keepAliveMs: number;
  /** How often Node looks for connections that are over time. */
  readonly checkMs: number;
  readonly requestsPerSocket: number;
  /** After the drain began, calls on open connections are still served for so long. */
  readonly drainGraceMs: number;
}

/**
 * One body limit for all of /v1/chat/completions, 32 MB: images and audio come inline in the same JSON, and whether
 * there are any is known only after reading it. A text-only body of this size is bounded by the scan's 200,000 values
 * and costs what one image costs.
 */
export const doorLimits: DoorLimits = {
  bodyBytes: 32 * 1024 * 1024,
  heldBodyBytes: 512 * 1024 * 1024,
  countedBodyBytes: 64 * 1024,
  uriBytes: 8 * 1024,
  headerBytes: 16 * 1024,
  headerCount: 100,
  headersMs: 10_000,
  requestMs: 30_000,
  formMs: 600_000,
  // Longer than the idle timeout of the usual load balancer (60 s): the side that forwards must close first.
  keepAliveMs: 65_000,
  checkMs: 1_000,
  requestsPerSocket: 1_000,
  drainGraceMs: 2_000,
};
