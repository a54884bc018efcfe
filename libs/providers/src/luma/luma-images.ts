import { createLuma } from '@ai-sdk/luma';
import type { DialectCall, DrawRequest, DrawResult } from '../dialect.js';
import { drawWith } from '../drawing/draw-with.js';
import { isOneOf, resultFetch } from '../drawing/result-fetch.js';

const isOwn = isOneOf(['https://api.lumalabs.ai']);

/** Generations of Luma: begun, looked at until they are done, fetched. */
export function drawWithLuma(call: DialectCall<DrawRequest>): Promise<DrawResult> {
  const { settings, model } = call;
  const { baseUrl, secret = '' } = settings;
  const luma = createLuma({
    apiKey: secret,
    fetch: resultFetch(settings, isOwn),
    ...(baseUrl && { baseURL: baseUrl }),
  });
  // Half a second between two looks; the call's own deadline ends it before these do.
  return drawWith({ model: luma.image(model), perCall: 1, options: { luma: { maxPollAttempts: 7200 } } }, call);
}
