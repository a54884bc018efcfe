import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Endpoint, InferenceCallHead } from '#libs/contracts';
import type { AnswerHeaders } from '../http/answer-headers.js';
import type { AnswerRecorder } from '../idempotency/answer-recorder.js';
import type { AccountParts } from './attempt-account.js';
import type { ModelLimits, RunningBody } from './intake.js';

/** Nest injection token of the `ExchangeParts`. */
export const EXCHANGE_PARTS = Symbol.for('modapi.ingress.exchange-parts');

/** Times and limits of a call; other values in tests. */
export interface ExchangeLimits {
  readonly deadlineMs: number;
  /** A stream without a byte for so long is opened and kept alive with comments. */
  readonly keepAliveMs: number;
  readonly stallMs: number;
  /** Calls for one request, the first included. */
  readonly maxCalls: number;
}

/** As long as the SDKs wait. */
export const exchangeLimits: ExchangeLimits = {
  deadlineMs: 600_000,
  keepAliveMs: 10_000,
  stallMs: 30_000,
  maxCalls: 3,
};

export interface ExchangeParts extends AccountParts {
  readonly answerHeaders: AnswerHeaders;
  readonly limits: ExchangeLimits;
}

/** One request on its way to a worker. */
export interface RunningRequest {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly endpoint: Endpoint;
  readonly head: InferenceCallHead;
  readonly running: RunningBody;
  readonly model: ModelLimits;
  /** Of a request with an Idempotency-Key. */
  readonly recorder: AnswerRecorder | undefined;
}
