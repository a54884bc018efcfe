import { z } from 'zod';

/** `env:NAME` or `file:PATH`: secrets are never written into modapi.yaml. */
export const secretReference = z
  .string()
  .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/, 'write env:NAME or file:PATH, never the secret itself');

const modelId = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[\w.\-:/@+]+$/, 'letters, digits and . - _ : / @ + only');

/** US dollars as a decimal, at most nine digits after the point: `"0.15"`. */
const dollars = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(z.string().regex(/^\d{1,6}(\.\d{1,9})?$/));

/**
 * `price` of a deployment in US dollars, by the units that its provider bills. Without them `input_cached` and
 * `input_image` cost `input`, and `reasoning` costs `output`.
 */
export const priceConfig = z
  .strictObject({
    /** Per 1,000,000 tokens, as are all that follow up to `output_image`. */
    input: dollars.optional(),
    input_cached: dollars.optional(),
    output: dollars.optional(),
    /** Hidden reasoning tokens. */
    reasoning: dollars.optional(),
    input_audio: dollars.optional(),
    input_image: dollars.optional(),
    output_audio: dollars.optional(),
    output_image: dollars.optional(),
    /** Per image: one price, or a price for each `<size>/<quality>`, `<size>` or `<quality>`; `default` is for the rest. */
    images: z.union([dollars, z.record(z.string().regex(/^[\w.x/-]{1,64}$/), dollars)]).optional(),
    /** Per 1,000,000 pixels that were made. */
    megapixels: dollars.optional(),
    /** Per second of audio heard. */
    seconds: dollars.optional(),
    /** Per minute of audio heard, in place of `seconds`; seconds are charged. */
    minutes: dollars.optional(),
    /** Per 1,000,000 characters spoken. */
    characters: dollars.optional(),
    /** Per search of a reranker. */
    searches: dollars.optional(),
  })
  .refine((price) => Object.keys(price).length > 0, 'needs a unit at least, such as input and output');

/** An entry under `providers`: where a provider is and how to sign in. Whether the preset exists is checked by `providers`. */
export const providerConfig = z.strictObject({
  /** A provider that ModAPI knows; the id of this entry when absent. `openai-compatible` fits any other server. */
  preset: z.string().optional(),
  /** Overrides the preset's URL; `{name}` parts are filled from `variables`. */
  baseUrl: z.url({ protocol: /^https?$/ }).optional(),
  variables: z.record(z.string(), z.string()).optional(),
  apiKey: secretReference.optional(),
  /** False: only the models that `models` names, not all that the catalog knows of this provider. */
  catalogModels: z.boolean().optional(),
  /**
   * Who pays for what a provider generates, and bills, after the caller left; it matters for those that do not stop.
   * `provider_billed` (default): the caller. `delivered_only`: the operator.
   */
  abortPolicy: z.enum(['provider_billed', 'delivered_only']).optional(),
  timeouts: z
    .strictObject({
      connectMs: z.int().positive().optional(),
      /** Until the response headers. */
      firstByteMs: z.int().positive().optional(),
      /** Between two pieces of the body. */
      idleMs: z.int().positive().optional(),
    })
    .optional(),
});

/** An entry of `deployments`: one provider that serves the model, with its order, share of calls and price. */
export const deploymentConfig = z.strictObject({
  /** An id under `providers`. */
  provider: z.string(),
  /** The provider's name for the model; the public id when absent. */
  model: z.string().optional(),
  /** Lower is tried first (default: the position in the list); deployments of equal priority share the calls by weight. */
  priority: z.int().nonnegative().max(1000).optional(),
  weight: z.int().positive().max(1000).optional(),
  /** Overrides the catalog's price. */
  price: priceConfig.optional(),
  /** Serve without a price; a model with neither a price nor this is refused. */
  free: z.boolean().optional(),
});

/** What a model takes of one parameter. A parameter without a rule goes to the provider as it is. */
export const parameterRule = z.strictObject({
  /** A request that has it is refused with 400 naming it. */
  refused: z.boolean().optional(),
  oneOf: z.array(z.union([z.string(), z.number()])).optional(),
  max: z.number().optional(),
  maxLength: z.int().positive().optional(),
});

/** An entry of `models`: a public id and who serves it, 1 to 32 deployments. */
export const modelConfig = z.strictObject({
  id: modelId,
  /** In order of preference. */
  deployments: z.array(deploymentConfig).min(1).max(32),
  ownedBy: z.string().optional(),
  /** Endpoint ids, such as `embeddings` or `audio.speech`; what is known of the model when absent, else `chat.completions`. */
  endpoints: z.array(z.string()).min(1).optional(),
  /** By parameter name, e.g. `size: {oneOf: [1024x1024]}`; replaces what is known of the model. */
  parameters: z.record(z.string(), parameterRule).optional(),
  contextTokens: z.int().positive().optional(),
  maxOutputTokens: z.int().positive().optional(),
});

/** The file `modapi.yaml`. */
export const gatewayConfig = z.strictObject({
  $schema: z.string().optional(),
  apiVersion: z.literal('modapi/v1'),
  providers: z.record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/), providerConfig).default({}),
  models: z.array(modelConfig).default([]),
});
export type GatewayConfig = z.infer<typeof gatewayConfig>;
export type ProviderConfig = z.infer<typeof providerConfig>;
export type DeploymentConfig = z.infer<typeof deploymentConfig>;
export type PriceConfig = z.infer<typeof priceConfig>;
