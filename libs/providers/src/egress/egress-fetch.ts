import { Readable } from 'node:stream';
import type { ReadableStream as WebReadableStream } from 'node:stream/web';
import type { Upstream, UpstreamRequest } from '../upstream.js';
import type { DialectRoute } from './dialect-route.js';
import type { EgressClient } from './egress-client.js';
import { FetchExchange } from './fetch-exchange.js';

/** For one call in a vendor's protocol, however many HTTP requests it takes. */
export interface EgressFetchOptions {
  readonly egress: EgressClient;
  readonly upstream: Upstream;
  readonly signal: AbortSignal;
  /** Name, value, name, value…: for our own server only. */
  readonly ownHeaders: readonly string[];
  /** Told of the bytes of answers as they come; throws where there is no room for them, and the request fails with that. */
  readonly gather?: (bytes: number) => void;
}

/** A `fetch` and what its last answer was. */
export interface EgressFetch {
  readonly fetch: typeof globalThis.fetch;
  /** Null: no answer yet. */
  readonly status: number | null;
  readonly upstreamRequestId: string | null;
  /** The call is over: an answer that nobody read to its end keeps no connection. */
  close(): void;
}

/** A vendor's package asked for a host that is none of its provider's: nothing was sent. */
export class EgressRefusedError extends Error {
  constructor(provider: string, host: string) {
    super(
      `the dialect of ${provider} may not call ${host}: add its origin to the provider's dialect, if it is the vendor's`,
    );
    this.name = 'EgressRefusedError';
  }
}

/** Opens the way out for one call; it reaches the provider's own origins and no other host. */
export function openEgressFetch(options: EgressFetchOptions): EgressFetch {
  return new CallFetch(options);
}

const methods = ['GET', 'POST', 'PUT', 'DELETE'] as const;

/** Set by us or by the connection, whatever a package says. */
const withheldHeaders: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'x-forwarded-host',
]);

class CallFetch implements EgressFetch {
  readonly fetch: typeof globalThis.fetch;
  private last: FetchExchange | undefined;
  private readonly open = new Set<FetchExchange>();
  private closed = false;

  constructor(private readonly options: EgressFetchOptions) {
    this.fetch = (input, init) => this.ask(input, init);
  }

  get status(): number | null {
    return this.last?.status ?? null;
  }

  get upstreamRequestId(): string | null {
    return this.last?.upstreamRequestId ?? null;
  }

  close(): void {
    this.closed = true;
    for (const exchange of this.open) exchange.giveUp();
  }

  private async ask(...[input, init]: Parameters<typeof globalThis.fetch>): Promise<Response> {
    const route = this.routeOf(new URL(input instanceof Request ? input.url : input));
    // Reads every kind of input and body as the standard says, multipart forms with their boundary.
    const request = new Request(input, { ...init, duplex: 'half' } as RequestInit);
    const signal = AbortSignal.any([this.options.signal, request.signal]);
    // What the standard calls a stream, before it became one.
    const isStream = init?.body instanceof ReadableStream;
    const outbound = await this.outbound(request, route, isStream);
    if (this.closed || signal.aborted) {
      if (outbound.body instanceof Readable) outbound.body.destroy();
      throw new DOMException('The call is over.', 'AbortError');
    }
    const exchange = new FetchExchange({
      signal,
      gather: this.options.gather,
      onOver: () => this.open.delete(exchange),
    });
    this.open.add(exchange);
    return exchange.run(this.options.egress, outbound, (answered) => (this.last = answered));
  }

  private routeOf(url: URL): DialectRoute {
    const { upstream } = this.options;
    const route = upstream.dialectRoute(url);
    if (!route) throw new EgressRefusedError(upstream.id, url.host);
    return route;
  }

  private async outbound(request: Request, route: DialectRoute, isStream: boolean): Promise<UpstreamRequest> {
    const { upstream, ownHeaders } = this.options;
    const { pool, origin, path, forwardedHost } = route;
    const method = methods.find((known) => known === request.method);
    if (!method) throw new TypeError(`${request.method} is not a method of the egress client`);
    const forwarded = forwardedHost === undefined ? [] : ['x-forwarded-host', forwardedHost];
    const headers = [...headersOf(request), ...forwarded, ...ownHeaders];
    return { pool, origin, path, method, headers, body: await bodyOf(request, isStream), timeouts: upstream.timeouts };
  }
}

function headersOf({ headers }: Request): string[] {
  const kept = [...headers].filter(([name]) => !withheldHeaders.has(name)).flat();
  // Bytes come plain: unpacking a stranger's archive is how memory is filled.
  return [...kept, 'accept-encoding', 'identity', 'user-agent', 'modapi'];
}

/** Gathered, so that it has a length, which many vendors want: all but a stream is in memory anyway. */
async function bodyOf(request: Request, isStream: boolean): Promise<Uint8Array | Readable> {
  if (!isStream || !request.body) return new Uint8Array(await request.arrayBuffer());
  return Readable.fromWeb(request.body as WebReadableStream<Uint8Array>);
}
