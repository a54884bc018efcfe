import { APICallError, type ImageModelV4 } from '@ai-sdk/provider';
import { z } from 'zod';
import type { DialectSettings } from '../dialect.js';

const drawn = z.object({
  images: z.array(z.string()).default([]),
  /** One per image; null: nothing to say. */
  finish_reasons: z.array(z.string().nullable()).default([]),
});

/** Stability's models on Bedrock (its user guide, "Stability AI models"), in the shape of a package's model. */
export function stabilityModel(
  modelId: string,
  { fetch, secret = '', baseUrl }: DialectSettings,
  region: string,
): ImageModelV4 {
  const origin = baseUrl ?? `https://bedrock-runtime.${region}.amazonaws.com`;
  const url = `${origin}/model/${encodeURIComponent(modelId)}/invoke`;
  return {
    ...{ specificationVersion: 'v4', provider: 'amazon-bedrock', modelId, maxImagesPerCall: 1 },
    async doGenerate({ prompt, aspectRatio, seed, abortSignal }) {
      const body = { prompt, aspect_ratio: aspectRatio, seed, output_format: 'png' };
      const response = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        ...(abortSignal && { signal: abortSignal }),
      });
      const text = await response.text();
      const { images, finish_reasons: reasons } = response.ok ? drawn.parse(JSON.parse(text)) : failed(response, text);
      // "Filter reason: prompt", "Filter reason: output image".
      const isFiltered = reasons.some((reason) => reason?.startsWith('Filter reason'));
      return {
        images: isFiltered ? [] : images,
        ...(isFiltered && { isRetryable: false }),
        warnings: [],
        response: { timestamp: new Date(), modelId, headers: undefined },
      };
    },
  };
}

function failed({ status, url, headers }: Response, responseBody: string): never {
  const { message } = z
    .object({ message: z.string().catch('') })
    .catch({ message: '' })
    .parse(jsonOf(responseBody));
  const responseHeaders = Object.fromEntries(headers);
  throw new APICallError({ message, url, requestBodyValues: {}, statusCode: status, responseHeaders, responseBody });
}

/** Undefined for a page of a proxy. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
