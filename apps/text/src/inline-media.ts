import { GatewayError } from '#libs/contracts';
import { type MediaFetcher, type RemoteMedia, remoteMediaIn, type UpstreamFailure, withMedia } from '#libs/providers';

const maxFiles = 64;
const maxAtOnce = 8;
/** All of them together: as base64 they become a third more, and stay in memory until they are sent. */
const maxTotalBytes = 16 * 1024 * 1024;

/** The body for an upstream that does not fetch URLs; a function where something must be downloaded for it first. */
export type ChatBody = Uint8Array | ((signal: AbortSignal) => Promise<Uint8Array>);

/** Puts what the body names by URL into it, as data URLs. Refuses at once what no download can make right. */
export function inlinedBody(body: Uint8Array, media: MediaFetcher): ChatBody {
  const files = remoteMediaIn(body);
  if (files.length === 0) return body;
  if (files.length > maxFiles) {
    const message = `At most ${maxFiles} files can be named by URL in one request. Send fewer, or send them as base64 data URLs.`;
    throw new GatewayError('invalid_value', message, { param: 'messages' });
  }
  return async (signal) => withMedia(body, await download(files, media, signal));
}

/** What the request names could not be brought: the caller's to mend, and no provider was asked. */
export function failureOfDownload(error: unknown): UpstreamFailure {
  const told = GatewayError.from(error);
  return { kind: 'rejected', failover: false, repeatable: false, retryAfterMs: undefined, error: told };
}

/** The same URL is asked for once, however often a conversation repeats it. */
async function download(
  files: readonly RemoteMedia[],
  media: MediaFetcher,
  signal: AbortSignal,
): Promise<ReadonlyMap<RemoteMedia, string>> {
  const byUrl = Map.groupBy(files, ({ kind, url }) => `${kind} ${url}`);
  const urls = new Map<RemoteMedia, string>();
  const budget = { bytes: maxTotalBytes };
  const failed = new AbortController();
  const any = AbortSignal.any([signal, failed.signal]);
  const left = byUrl.values();
  const work = async () => {
    for (const same of left) {
      const [{ url, kind, param }] = same as [RemoteMedia];
      const { bytes, contentType } = await media.fetch(url, { param, kind, signal: any, budget });
      const dataUrl = `data:${contentType};base64,${Buffer.from(bytes).toString('base64')}`;
      for (const file of same) urls.set(file, dataUrl);
    }
  };
  try {
    await Promise.all(Array.from({ length: maxAtOnce }, work));
  } catch (error) {
    // The others would be for nothing.
    failed.abort();
    throw error;
  }
  return urls;
}
