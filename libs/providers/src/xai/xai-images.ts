import { createXai } from '@ai-sdk/xai';
import type { DialectCall, DrawRequest, DrawResult } from '../dialect.js';
import { drawWith } from '../drawing/draw-with.js';
import { isOneOf, resultFetch } from '../drawing/result-fetch.js';

const isOwn = isOneOf(['https://api.x.ai']);

/** Edits of xAI, which takes images within JSON where OpenAI takes a form. */
export function drawWithXai(call: DialectCall<DrawRequest>): Promise<DrawResult> {
  const { settings, model } = call;
  const { baseUrl, secret = '' } = settings;
  const xai = createXai({ apiKey: secret, fetch: resultFetch(settings, isOwn), ...(baseUrl && { baseURL: baseUrl }) });
  return drawWith({ model: xai.image(model), perCall: 3 }, call);
}
