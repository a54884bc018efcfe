import type { FastifyRequest } from 'fastify';
import type { AskedParameters, Model } from '#libs/catalog';
import type { Endpoint, InferenceCallHead, RequestForm, Usage } from '#libs/contracts';
import type { BodySource } from '#libs/messaging';
import type { Identity } from '../auth/key.authenticator.js';

/** What of a model bounds its tokens. */
export type ModelLimits = Pick<Model, 'contextTokens' | 'maxOutputTokens'>;

/** What the caller got of a broken answer. */
export interface Delivered {
  /** Of a stream; in chat a delta each, which is about a token. */
  readonly events: number;
  /** Of any other answer. */
  readonly bytes: number;
  readonly firstByteAt: number | null;
}

/** What is kept of a request while it runs; nothing of it refers to the parsed body. */
export interface RunningBody {
  /** The caller's JSON byte for byte, or the bytes of a form's files. Files go away through `RequestRecord.whenClosed`. */
  readonly body: Buffer | BodySource;
  /**
   * What was used if the worker and its report vanish after content went out, in every unit that it may be charged by;
   * also asked after the response closed.
   */
  estimate(delivered: Delivered, model: ModelLimits): Usage;
}

/** A request of any endpoint that was read and checked; not kept while it runs, `running` is. */
export interface ReadRequest {
  readonly endpoint: Endpoint;
  readonly model: string;
  readonly stream: boolean;
  readonly head: Pick<InferenceCallHead, 'spans' | 'form' | 'facts' | 'includeUsage'>;
  readonly running: RunningBody;
  /** By their names on OpenAI's wire; fields of a form are texts. */
  readonly asked: AskedParameters;
  /** What an Idempotency-Key stands for, as SHA-256 in base64url; asked only of requests that have one. */
  fingerprint(): string;
  /** Throws what only the model shows to be wrong, beyond its listed abilities. */
  refuseFor?(model: Model): void;
  /** Upper bound of what is used, side by side in every unit that it may be charged by: each price takes its own. */
  largestUsage(model: ModelLimits): Usage;
  /** What of the output a hold of that size pays for. */
  hold(model: ModelLimits): NonNullable<InferenceCallHead['hold']>;
  /** For limits on tokens per minute. */
  likelyTokens(model: ModelLimits): number;
}

/** What was learned of a file by looking into it; undefined where it cannot be seen. */
export interface FileFacts {
  readonly seconds?: number;
  readonly width?: number;
  readonly height?: number;
}

/** A `multipart/form-data` body that was received whole, its files in temporary space. */
export interface UploadedForm {
  /** Fields and files as the caller sent them, in order, both with the caller's spelling of their names. */
  readonly form: RequestForm;
  /** Of the files, by index. */
  readonly fileFacts: readonly FileFacts[];
  /** The bytes of all files, back to back. */
  readonly body: BodySource;
  /** SHA-256 of fields and files, base64url, made while they came. */
  readonly fingerprint: string;
}

/** Nest injection token of the `FormReader`. */
export const FORM_READER = Symbol.for('modapi.ingress.form-reader');

/** Receives a form whose body was not read yet, bounded; rejects with a `GatewayError`. */
export interface FormReader {
  read(opened: OpenedRequest): Promise<UploadedForm>;
}

/** A request whose headers are good, before its body is looked at. */
export interface OpenedRequest {
  readonly request: FastifyRequest;
  readonly endpoint: Endpoint;
  readonly identity: Identity;
  readonly idempotencyKey: string | undefined;
}
