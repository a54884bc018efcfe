import { lookup } from 'node:dns/promises';
import type { Client, Dispatcher } from 'undici';
import { GatewayError } from '#libs/contracts';
import type { MediaBytes } from '../dialect.js';
import { AddressRules } from './address-rules.js';
import { invalidImage } from './data-url.js';
import { contentTypeOf, imageProblem, isOfKind, type MediaKind, signatureBytes } from './media-bytes.js';
import { AddressRefusedError, openMediaConnection, type ResolveName } from './media-connection.js';
import { requireMediaUrl, urlNotAllowed } from './media-url.js';

export interface MediaFetcherOptions {
  /** The public internet only when absent. */
  readonly rules?: AddressRules;
  /** For tests; the system's when absent. */
  readonly resolve?: ResolveName;
  /** Of each hop, name and connection included. */
  readonly headersMs?: number;
  /** Of the whole download, redirects included. */
  readonly totalMs?: number;
  /** Downloads at once in this process; beyond, one fails at once instead of queueing. */
  readonly maxInFlight?: number;
}

export interface FetchMediaOptions {
  /** Where the URL stands in the request. */
  readonly param: string;
  readonly signal: AbortSignal;
  /** `image` when absent. */
  readonly kind?: MediaKind;
  /** Of the provider whose answer holds the URL: the operator named it, so it may be in a private network. */
  readonly ownOrigin?: string;
  /** 20 MB when absent. */
  readonly maxBytes?: number;
  /** What several downloads may take together; counted down as bytes come. */
  readonly budget?: { bytes: number };
}

const maxHops = 4;
const maxMediaBytes = 20 * 1024 * 1024;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const requestHeaders = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'modapi' };

/**
 * Fetches what a caller's URL names, for providers that cannot. The URL is a stranger's: it reaches public web servers
 * and nothing in our network, brings no credential, and comes back as checked bytes or as a 400 that says why not.
 */
export class MediaFetcher {
  private readonly rules: AddressRules;
  private readonly resolve: ResolveName;
  private readonly headersMs: number;
  private readonly totalMs: number;
  private readonly maxInFlight: number;
  private inFlight = 0;

  constructor(options: MediaFetcherOptions = {}) {
    this.rules = options.rules ?? AddressRules.publicOnly;
    this.resolve = options.resolve ?? ((name) => lookup(name, { all: true }));
    this.headersMs = options.headersMs ?? 5_000;
    this.totalMs = options.totalMs ?? 20_000;
    this.maxInFlight = options.maxInFlight ?? 64;
  }

  /** Throws `image_url_not_allowed`, `image_download_failed`, `invalid_image` or `overloaded`. */
  async fetch(text: string, options: FetchMediaOptions): Promise<MediaBytes> {
    const { param } = options;
    let url = requireMediaUrl(text, param, this.rulesFor(text, options));
    if (this.inFlight >= this.maxInFlight) {
      throw new GatewayError('overloaded', 'Too many files are being downloaded. Retry.', { retryAfterSeconds: 1 });
    }
    this.inFlight++;
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(this.totalMs)]);
    try {
      for (let hop = 0; hop < maxHops; hop++) {
        const step = await this.ask(url, { ...options, signal });
        if ('bytes' in step) return step;
        url = requireMediaUrl(step.location, param, this.rulesFor(step.location, options));
      }
      throw downloadFailed(param, 'its server redirects too often');
    } finally {
      this.inFlight--;
    }
  }

  private async ask(url: URL, options: FetchMediaOptions): Promise<MediaBytes | { readonly location: string }> {
    const { resolve, headersMs: timeoutMs } = this;
    const client = openMediaConnection(url, { rules: this.rulesFor(url.href, options), resolve, timeoutMs });
    try {
      const response = await this.headOf(client, url, options);
      const { statusCode, headers } = response;
      // A connection that is destroyed with its answer unread says so to the stream.
      response.body.on('error', () => undefined);
      if (redirects.has(statusCode)) return { location: locationOf(url, headers['location'], options.param) };
      if (statusCode !== 200) throw downloadFailed(options.param, `its server answered ${statusCode}`);
      return await new Download(response, options).read();
    } catch (error) {
      throw errorOf(error, options.param);
    } finally {
      // Kept for nobody: the next URL is another stranger's.
      await client.destroy();
    }
  }

  private rulesFor(text: string, { ownOrigin }: FetchMediaOptions): AddressRules {
    const isOwn = ownOrigin !== undefined && URL.canParse(text) && new URL(text).origin === ownOrigin;
    return isOwn ? AddressRules.anywhere : this.rules;
  }

  /** Name, connection and headers together have one limit. */
  private async headOf(client: Client, url: URL, { signal }: FetchMediaOptions): Promise<Dispatcher.ResponseData> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new DOMException('no headers', 'TimeoutError')), this.headersMs);
    const request = { path: url.pathname + url.search, method: 'GET', headers: requestHeaders } as const;
    try {
      // The signal of the body is this one too: only the total limit is left by then.
      return await client.request({
        ...request,
        bodyTimeout: this.headersMs,
        signal: AbortSignal.any([signal, late.signal]),
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A body on its way, judged as it comes. */
class Download {
  private readonly chunks: Buffer[] = [];
  private bytes = 0;

  constructor(
    private readonly response: Dispatcher.ResponseData,
    private readonly options: FetchMediaOptions,
  ) {}

  async read(): Promise<MediaBytes> {
    const { headers, body } = this.response;
    const { param } = this.options;
    const encoding = headers['content-encoding'] ?? 'identity';
    // Plain bytes were asked for; unpacking a stranger's archive is how memory is filled.
    if (encoding !== 'identity') throw downloadFailed(param, 'its server sent it compressed');
    if (Number(headers['content-length']) > this.maxBytes) throw this.tooLarge();
    let isJudged = false;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      this.add(chunk);
      if (isJudged || this.bytes < signatureBytes) continue;
      this.typeOf(Buffer.concat(this.chunks));
      isJudged = true;
    }
    return this.whole();
  }

  private get maxBytes(): number {
    return this.options.maxBytes ?? maxMediaBytes;
  }

  private add(chunk: Buffer): void {
    const { budget } = this.options;
    this.bytes += chunk.length;
    if (budget) budget.bytes -= chunk.length;
    if (this.bytes > this.maxBytes || (budget && budget.bytes < 0)) throw this.tooLarge();
    this.chunks.push(chunk);
  }

  private whole(): MediaBytes {
    const { param, kind = 'image' } = this.options;
    const bytes = Buffer.concat(this.chunks, this.bytes);
    const contentType = this.typeOf(bytes);
    const problem = kind === 'image' ? imageProblem(bytes) : undefined;
    if (problem !== undefined) throw invalidImage(param, problem);
    return { bytes, contentType };
  }

  private typeOf(bytes: Uint8Array): string {
    const { param, kind = 'image' } = this.options;
    const contentType = contentTypeOf(bytes);
    if (contentType !== undefined && isOfKind(contentType, kind)) return contentType;
    if (kind === 'image')
      throw invalidImage(param, 'its URL leads to something that is no PNG, JPEG, WebP or GIF image');
    throw downloadFailed(param, `it is no ${kind} file of a known format`);
  }

  private tooLarge(): GatewayError {
    const { param, budget } = this.options;
    const megabytes = (count: number) => Math.floor(count / (1024 * 1024));
    const together = budget && budget.bytes < 0;
    return downloadFailed(
      param,
      together
        ? 'the files of this request are too large together'
        : `it is larger than ${megabytes(this.maxBytes)} MB`,
    );
  }
}

function downloadFailed(param: string, why: string): GatewayError {
  const message = `The URL in \`${param}\` could not be downloaded: ${why}. Check it, or send the content itself as a base64 data URL.`;
  return new GatewayError('image_download_failed', message, { param });
}

function locationOf(from: URL, location: string | string[] | undefined, param: string): string {
  if (typeof location === 'string' && URL.canParse(location, from.href)) return new URL(location, from).href;
  throw downloadFailed(param, 'its server redirects to nowhere');
}

/** No text of the other side, and no address: what is behind a name is told to nobody. */
function errorOf(error: unknown, param: string): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error instanceof AddressRefusedError) return urlNotAllowed(param, 'its host is not a public web server');
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  if (name === 'TimeoutError' || name === 'AbortError' || code.endsWith('_TIMEOUT')) {
    return downloadFailed(param, 'its server did not answer in time');
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENODATA')
    return downloadFailed(param, 'its host does not exist');
  return downloadFailed(param, 'the connection to its server failed');
}
