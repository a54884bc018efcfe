import { type MediaBytes, type MediaFetcher, readDataUrl } from '#libs/providers';

/** Larger than any model's image is. */
const maxResultBytes = 64 * 1024 * 1024;

/** Images on other people's servers: a caller's, and those that providers leave on theirs. */
export class RemoteImages {
  constructor(private readonly media: MediaFetcher) {}

  /** Of a caller's request: what is wrong with it is the caller's to hear. `param` is where it stands. */
  async input(url: string, param: string, signal: AbortSignal): Promise<MediaBytes> {
    return url.startsWith('data:') ? readDataUrl(url, param) : this.media.fetch(url, { param, signal });
  }

  /** Of the answer of a provider whose own server is at `ownOrigin`, wherever that is. */
  async result(url: string, ownOrigin: string, signal: AbortSignal): Promise<MediaBytes> {
    const param = 'url';
    try {
      if (url.startsWith('data:')) return readDataUrl(url, param);
      return await this.media.fetch(url, { param, signal, ownOrigin, maxBytes: maxResultBytes });
    } catch (error) {
      if (signal.aborted) throw error;
      // Without its cause, which speaks of the caller's URL: this one is the provider's, and so is the fault.
      throw new Error('the image that the provider made could not be fetched');
    }
  }
}
