import type { DialectSettings } from '../dialect.js';

/**
 * A `fetch` for a package that downloads results itself. Those lie on hosts that are not the vendor's API: they are
 * fetched as any stranger's URL is, address checked, without our credential. Everything else goes to `settings.fetch`,
 * which knows the vendor's own origins.
 */
export function resultFetch({ fetch, download, baseUrl }: DialectSettings, isOwn: (url: URL) => boolean): typeof fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
    const own = isOwn(url) || (baseUrl !== undefined && url.origin === new URL(baseUrl).origin);
    if (!download || own || method !== 'GET') return fetch(input, init);
    const { bytes, contentType } = await download(url.href, init?.signal ?? undefined);
    return new Response(Buffer.from(bytes), { headers: { 'content-type': contentType } });
  };
}

/** Of a list of origins: `https://fal.run`. */
export function isOneOf(origins: readonly string[]): (url: URL) => boolean {
  return (url) => origins.includes(url.origin);
}
