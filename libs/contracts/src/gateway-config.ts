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

/** US dollars per 1,000,000 tokens as a decimal, at most nine digits after the point: `"0.15"`. */
const dollars = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(z.string().regex(/^\d{1,6}(\.\d{1,9})?$/));

/** `price` of a deployment, in US dollars per 1,000,000 tokens; without them `input_cached` costs `input` and `reasoning` costs `output`. */
export const priceConfig = z.strictObject({
  input: dollars,
  input_cached: dollars.optional(),
  output: dollars,
  /** Hidden reasoning tokens; the output price when absent. */
  reasoning: dollars.optional(),
});

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

/** An entry of `models`: a public id and who serves it, 1 to 32 deployments. */
export const modelConfig = z.strictObject({
  id: modelId,
  /** In order of preference. */
  deployments: z.array(deploymentConfig).min(1).max(32),
  ownedBy: z.string().optional(),
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
