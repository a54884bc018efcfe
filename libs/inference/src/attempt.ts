import type { Deployment } from '#libs/catalog';
import type {
  AttemptFinished,
  AttemptOutcome,
  GatewayError,
  InferenceCallHead,
  Usage,
  WirePrice,
} from '#libs/contracts';
import type { IncomingCall } from '#libs/messaging';
import type { EgressClient, Upstream, UpstreamFailure } from '#libs/providers';
import type { AnswerShare } from './answer-memory.js';
import type { CallHold } from './call-hold.js';
import type { PausePoints } from './pause-points.js';

/** How an upstream call ended. */
export interface AttemptEnd {
  readonly outcome: AttemptOutcome;
  /** Set unless the outcome is `done` or the caller's own doing. */
  readonly failure: UpstreamFailure | undefined;
}

/** What is charged for an attempt, and how that is known. */
export interface MeteredUsage {
  readonly usage: Usage;
  readonly source: AttemptFinished['usage_source'];
}

/** What is known of an answer when its attempt was metered. */
export interface AnswerReport extends MeteredUsage {
  /** Nano-dollars; undefined when the price lacks a unit. */
  readonly cost: bigint | undefined;
}

/** A deployment that can be called, and at what price. */
export interface Target {
  readonly deployment: Deployment;
  readonly upstream: Upstream;
  readonly price: WirePrice;
}

/** All that an attempt is made from. */
export interface AttemptSource {
  readonly call: IncomingCall;
  readonly head: InferenceCallHead;
  readonly target: Target;
  readonly hold: CallHold;
  readonly pauses: PausePoints;
  /** Of the call: for answers that are gathered whole. */
  readonly answers: AnswerShare;
}

/** The way out for one attempt. */
export interface AttemptRoute {
  readonly egress: EgressClient;
  /** Name, value, name, value…: attempt id and trace context, for our own server only. */
  readonly ownHeaders: readonly string[];
}

/**
 * One upstream call of a request. Nothing reaches the caller before the first content, so until then a failure is
 * another provider's chance; after it an error goes in-band, or breaks the answer.
 */
export interface Attempt {
  /** Of the upstream's HTTP answer; null when it never answered. */
  readonly status: number | null;
  readonly upstreamRequestId: string | null;
  /** As the upstream named it. */
  readonly upstreamModel: string | undefined;
  /** Empty where an endpoint has none. */
  readonly finishReason: string;
  /** Content, or an in-band error, went to the caller, or waits for nothing but the meter. */
  readonly delivered: boolean;
  /** Unix milliseconds. */
  readonly firstByteAt: number | null;
  /** The provider reported what cannot be true; it was counted instead. */
  readonly usageDisbelieved: boolean;
  /** Resolves when the upstream call is over; never rejects for a failure of the upstream. */
  run(route: AttemptRoute): Promise<AttemptEnd>;
  /** What is charged for it (docs/charging.md); called once, after `run`. */
  meter(end: AttemptEnd): Promise<MeteredUsage>;
  /** Sends what waited for the meter: a whole answer, whose headers tell its cost. */
  complete(report: AnswerReport): Promise<void>;
  /** The answer broke off after content, and its format has no word for that: the call fails with this. */
  readonly unsaid?: GatewayError | undefined;
  /** Says in-band that the answer is cut short; false: its format has no word for that, so the call must fail. */
  breakOff(error: GatewayError): boolean;
}

/** How an endpoint's attempts are made; one per endpoint, in the app of its modality. */
export interface EndpointWork {
  /** Of `libs/contracts`. */
  readonly endpoint: string;
  /** What the endpoint does, for messages: `chat completions`. */
  readonly title: string;
  /** OpenTelemetry `gen_ai.operation.name`: `chat`, `embeddings`, `generate_image`. */
  readonly operation: string;
  /**
   * Makes an attempt, calls nobody yet. A `GatewayError` says that this provider cannot do what is asked: another one of
   * the model is tried, and if there is none the caller hears it.
   */
  prepare(source: AttemptSource): Attempt;
}
