import { createBlackForestLabs } from '@ai-sdk/black-forest-labs';
import type { DialectCall, DrawRequest, DrawResult } from '../dialect.js';
import { contentRefused, drawWith } from '../drawing/draw-with.js';
import { resultFetch } from '../drawing/result-fetch.js';

/** Sibling clusters of the API (`api.us1.bfl.ai`) answer for a job; results lie elsewhere. */
const isOwn = ({ protocol, hostname }: URL) => protocol === 'https:' && /^api(?:\.\w+)?\.bfl\.ai$/.test(hostname);

/** Jobs of Black Forest Labs: begun, looked at until they are done, fetched. */
export function drawWithBfl(call: DialectCall<DrawRequest>): Promise<DrawResult> {
  const { settings, model, request } = call;
  const { baseUrl, secret = '' } = settings;
  const fetch = refusing(resultFetch(settings, isOwn));
  const bfl = createBlackForestLabs({ apiKey: secret, fetch, ...(baseUrl && { baseURL: baseUrl }) });
  const [image] = request.images;
  const varies = request.prompt === '' && image !== undefined;
  const options = {
    blackForestLabs: {
      // Longer than any call lives: its own deadline ends it first.
      pollTimeoutMillis: 3_600_000,
      ...(varies && { imagePrompt: Buffer.from(image.bytes).toString('base64') }),
    },
  };
  const asked = varies ? { ...call, request: { ...request, images: [] } } : call;
  return drawWith({ model: bfl.image(model), perCall: 1, options }, asked);
}

/** The package goes on asking after a job that was refused for its content. */
function refusing(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const type = response.headers.get('content-type') ?? '';
    if (!response.ok || !type.includes('json')) return response;
    const text = await response.text();
    if (/"(?:status|state)"\s*:\s*"(?:Request|Content) Moderated"/.test(text)) throw contentRefused();
    const { status, headers } = response;
    return new Response(text, { status, headers });
  };
}
