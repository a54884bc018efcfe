import { createAmazonBedrock } from '@ai-sdk/amazon-bedrock';
import type { DialectCall, DrawRequest, DrawResult } from '../dialect.js';
import { drawWith } from '../drawing/draw-with.js';
import { isStability } from './bedrock-image-rules.js';
import { stabilityModel } from './stability-model.js';

/** Amazon's image models make up to five at once. */
const perCall = 5;

/** Nova Canvas, Titan and Stability's models, with a Bedrock API key. */
export function drawWithBedrock(call: DialectCall<DrawRequest>): Promise<DrawResult> {
  const { settings, model, request } = call;
  const { fetch, baseUrl, secret = '', variables } = settings;
  const region = variables['region'] ?? 'us-east-1';
  if (isStability.test(model)) return drawWith({ model: stabilityModel(model, settings, region), perCall: 1 }, call);
  const bedrock = createAmazonBedrock({ apiKey: secret, region, fetch, ...(baseUrl && { baseURL: baseUrl }) });
  const options = { amazonBedrock: request.quality === undefined ? {} : { quality: request.quality } };
  return drawWith({ model: bedrock.image(model), perCall, options }, call);
}
