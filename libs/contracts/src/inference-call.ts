import { z } from 'zod';
import { callerSchema } from './caller.js';
import { priceSchema } from './usage.js';

/** Half-open byte range of a value in the request body. */
const span = z.tuple([z.int(), z.int()]);

/** A file of a form; the bytes of all of them, in this order and nothing between, are the body of the call. */
export const formFile = z.object({
  /** Of the field: `file`, `image`, `image[]`, `mask`. */
  name: z.string(),
  /** Without folders and control characters; for the provider's eyes, never a path here. */
  filename: z.string(),
  /** By content, not by name: `audio/mpeg`, `image/png`. */
  contentType: z.string(),
  bytes: z.int().nonnegative(),
});
export type FormFile = z.infer<typeof formFile>;

/** A `multipart/form-data` request that was read and checked. */
export const requestForm = z.object({
  /** In the caller's order; a name with `[]` may come more than once. */
  fields: z.array(z.object({ name: z.string(), value: z.string() })),
  files: z.array(formFile),
});
export type RequestForm = z.infer<typeof requestForm>;

/**
 * What ingress learned of a request and its worker need not learn again: how many inputs, which size, how many
 * characters. By endpoint: docs/architecture.md.
 */
export const requestFacts = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
export type RequestFacts = z.infer<typeof requestFacts>;

/**
 * Head of a streaming call from ingress to a worker. The body beside it is the caller's JSON, byte for byte
 * (BOM and outer white space removed): the worker splices by these spans and never parses it again. Of a form it is
 * the bytes of its files, read as a stream.
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
  /** Of a JSON body. */
  spans: z.object({ model: span, streamOptions: span.optional() }).optional(),
  /** Of a form. */
  form: requestForm.optional(),
  facts: requestFacts.default({}),
  /** Where the files of our own store are found by callers, with a slash at the end: `https://gateway.example/v1/media/`. */
  mediaUrl: z.string().optional(),
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
  price: priceSchema,
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
