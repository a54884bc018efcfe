import type { GatewayError, Usage } from '#libs/contracts';
import type { UpstreamFailure, UpstreamHeaders } from '#libs/providers';

/** A whole answer, as the caller gets it. */
export interface WholeAnswer {
  readonly kind: 'answer';
  readonly body: Uint8Array;
  readonly contentType: string;
  /** As the provider reported it; undefined: it did not, or is not to be believed. */
  readonly usage: Usage | undefined;
  readonly usageDisbelieved?: boolean;
  readonly upstreamModel?: string | undefined;
}

/** The whole body is gathered, then read. */
export interface WholeReader {
  readonly kind: 'whole';
  readonly maxBytes: number;
  read(body: Buffer, headers: UpstreamHeaders): Promise<WholeAnswer | UpstreamFailure> | WholeAnswer | UpstreamFailure;
}

/** What came of a piece of the upstream's answer. */
export interface FlowStep {
  /** For the caller; nothing before the first content, since until then it may turn out to be an error. */
  readonly write?: Uint8Array;
  /** The answer is complete; what follows is not read. */
  readonly done?: boolean;
  /** The upstream says, in its stream, that it failed. */
  readonly failure?: UpstreamFailure;
}

/** Bytes go to the caller as they come; what the meter wants to know is learned beside them. */
export interface FlowReader {
  readonly kind: 'flow';
  readonly contentType: string;
  push(chunk: Buffer): FlowStep;
  /** The upstream closed in good order. False: the answer is cut off. */
  finish(): FlowStep & { readonly complete: boolean };
  readonly usage: Usage | undefined;
  readonly usageDisbelieved?: boolean;
  readonly upstreamModel?: string | undefined;
  /** Absent where the format has no word for an error (raw audio): the caller's connection breaks instead. */
  errorBytes?(error: GatewayError): Uint8Array;
}

/** How the bytes of a good answer (2xx) become the caller's; chosen by its headers. */
export type OpenAnswer = (headers: UpstreamHeaders) => WholeReader | FlowReader;
