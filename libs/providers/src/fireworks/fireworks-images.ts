import { createFireworks } from '@ai-sdk/fireworks';
import type { DialectCall, DrawRequest, DrawResult } from '../dialect.js';
import { drawWith } from '../drawing/draw-with.js';
import { isOneOf, resultFetch } from '../drawing/result-fetch.js';

const isOwn = isOneOf(['https://api.fireworks.ai']);

/** Workflows of Fireworks, which answer with bytes, or with a job to look at. */
export function drawWithFireworks(call: DialectCall<DrawRequest>): Promise<DrawResult> {
  const { settings, model } = call;
  const { baseUrl, secret = '' } = settings;
  const fetch = resultFetch(settings, isOwn);
  const fireworks = createFireworks({ apiKey: secret, fetch, ...(baseUrl && { baseURL: baseUrl }) });
  return drawWith({ model: fireworks.image(model), perCall: 1 }, call);
}
