import { z } from 'zod';
import { callerSchema } from './caller.js';
import { priceSchema } from './usage.js';

/** Half-open byte range of a value in the request body. */
const span = z.tuple([z.int(), z.int()]);

/**
 * Head of a streaming call from ingress to a worker. The body beside it is the caller's JSON, byte for byte
 * (BOM and outer white space removed): the worker splices by these spans and never parses it again.
 */
export const inferenceCallHead = z.object({
  requestId: z.string(),
  endpoint: z.string(),
  model: z.string(),
  stream: z.boolean(),
  /** The caller asked for `stream_options.include_usage`. */
  includeUsage: z.boolean(),
  caller: callerSchema,
  /** Attempts already made for this request by workers that vanished. */
  attemptsMade: z.int(),
  /** Money set aside for this request, or null for a postpaid one that needs none. */
  hold: z
    .object({
      /** Output tokens that the hold pays for, over all choices. */
      outputTokens: z.int().nonnegative(),
      /** A stream may ask for more as it goes; a whole answer was held at its largest. */
      extensible: z.boolean(),
    })
    .nullable()
    .default(null),
  /** What this organization pays for the model, whoever serves it; absent: the deployment's own price. */
  price: priceSchema.optional(),
  spans: z.object({ model: span, streamOptions: span.optional() }),
});
export type InferenceCallHead = z.infer<typeof inferenceCallHead>;

/**
 * Note that a worker sends before each upstream call, the first one with its ACCEPT: if the worker vanishes,
 * ingress can still account for the call.
 */
export const attemptStarted = z.object({
  attemptId: z.string(),
  provider: z.string(),
  upstreamModel: z.string(),
  price: z.record(z.string(), z.string()),
  /** Unix milliseconds. */
  startedAt: z.int(),
});
export type AttemptStarted = z.infer<typeof attemptStarted>;

/** Trailer of a call that ended well. */
export interface InferenceTrailer {
  attempts: number;
  provider: string;
  /** All tokens that were counted, for the limits of the key. */
  tokens: number;
}
