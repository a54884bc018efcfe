import { createFal } from '@ai-sdk/fal';
import type { SharedV4ProviderOptions } from '@ai-sdk/provider';
import type { DialectCall, DrawRequest, DrawResult } from '../dialect.js';
import { drawWith } from '../drawing/draw-with.js';
import { isOneOf, resultFetch } from '../drawing/result-fetch.js';
import { falTakesList } from './fal-image-rules.js';

const isOwn = isOneOf(['https://fal.run', 'https://queue.fal.run']);

/** Images through fal.run, which answers when they are made. */
export function drawWithFal(call: DialectCall<DrawRequest>): Promise<DrawResult> {
  const { settings, model, request } = call;
  const { baseUrl, secret = '' } = settings;
  const fal = createFal({ apiKey: secret, fetch: resultFetch(settings, isOwn), ...(baseUrl && { baseURL: baseUrl }) });
  const fields = {
    useMultipleImages: falTakesList.test(model),
    // The package turns a ratio into `image_size`, which models that want a ratio ignore.
    ...(request.aspectRatio && { aspect_ratio: request.aspectRatio }),
  };
  const options: SharedV4ProviderOptions = { fal: fields };
  return drawWith({ model: fal.image(model), perCall: 1, options, shape: { aspectRatio: undefined } }, call);
}
