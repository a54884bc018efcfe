import { createGoogle } from '@ai-sdk/google';
import type { DialectCall, DrawRequest, DrawResult } from '../dialect.js';
import { drawWith } from '../drawing/draw-with.js';

/** Gemini models that answer with images. */
export function drawWithGoogle(call: DialectCall<DrawRequest>): Promise<DrawResult> {
  const { model } = call;
  const { fetch, baseUrl, secret = '' } = call.settings;
  const google = createGoogle({ apiKey: secret, fetch, ...(baseUrl && { baseURL: baseUrl }) });
  return drawWith({ model: google.image(model), perCall: 1 }, call);
}
