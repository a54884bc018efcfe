import { createReplicate } from '@ai-sdk/replicate';
import type { DialectCall, DrawRequest, DrawResult } from '../dialect.js';
import { drawWith } from '../drawing/draw-with.js';
import { isOneOf, resultFetch } from '../drawing/result-fetch.js';
import { replicateImageInput } from './replicate-image-rules.js';

const isOwn = isOneOf(['https://api.replicate.com']);

/** Predictions of Replicate: it answers within a minute, or is asked again until it has. */
export function drawWithReplicate(call: DialectCall<DrawRequest>): Promise<DrawResult> {
  const { settings, model, request } = call;
  const { baseUrl, secret = '' } = settings;
  const fetch = resultFetch(settings, isOwn);
  const replicate = createReplicate({ apiToken: secret, fetch, ...(baseUrl && { baseURL: baseUrl }) });
  const input = replicateImageInput.find(([pattern]) => pattern.test(model))?.[1];
  const [image] = request.images;
  const named = input !== undefined && image !== undefined;
  const options = {
    replicate: {
      // Half a second between two looks; the call's own deadline ends it before these do.
      maxPollAttempts: 1200,
      ...(named && { [input]: dataUri(image.contentType, image.bytes) }),
    },
  };
  const asked = named ? { ...call, request: { ...request, images: [] } } : call;
  // The package's own number of images per call is that of its input images.
  return drawWith({ model: replicate.image(model), perCall: 1, options }, asked);
}

function dataUri(contentType: string, bytes: Uint8Array): string {
  return `data:${contentType};base64,${Buffer.from(bytes).toString('base64')}`;
}
