import type { Readable } from 'node:stream';
import type { Dialect, DialectSettings } from './dialect.js';
import { type DialectRoute, isDialectOrigin } from './egress/dialect-route.js';
import type { Provider } from './provider.js';

/** How long an upstream may be silent. */
export interface UpstreamTimeouts {
  readonly connectMs: number;
  /** Until the response headers, and from them to the first piece of the body: reasoning models think in silence. */
  readonly firstByteMs: number;
  /** Between two pieces of the body. */
  readonly idleMs: number;
}

/** One outbound call, complete: nothing of a caller's request can alter its host, path or credential. */
export interface UpstreamRequest {
  /** Connections are shared by the calls of one provider only. */
  readonly pool: string;
  readonly origin: string;
  readonly path: string;
  /** Name, value, name, value… */
  readonly headers: readonly string[];
  /** POST when absent. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** A stream needs a `content-length` among the headers; it is destroyed when the call ends before its end. */
  readonly body: Uint8Array | Readable;
  readonly timeouts: UpstreamTimeouts;
}

const fixedHeaders: readonly string[] = Object.entries({
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  // Bytes are passed on as they come, so they must come plain.
  'accept-encoding': 'identity',
  'user-agent': 'modapi',
}).flat();

export interface UpstreamSettings {
  /** Id under `providers` in modapi.yaml. */
  readonly id: string;
  readonly provider: Provider;
  readonly baseUrl: URL;
  readonly secret: string | undefined;
  readonly timeouts: UpstreamTimeouts;
  readonly drainsAborted?: boolean;
  /** The operator gave the base URL: a dialect is to use it instead of the vendor's. */
  readonly ownBaseUrl?: boolean;
  readonly variables?: Readonly<Record<string, string>>;
}

/** A configured provider. Holds its credential where no log or JSON can see it, and sends it to its own origin only. */
export class Upstream {
  readonly id: string;
  readonly provider: Provider;
  readonly origin: string;
  /** For spans: host without port. */
  readonly host: string;
  readonly timeouts: UpstreamTimeouts;
  /** The caller pays what this provider bills for a call that it left, so its end is waited for. */
  readonly drainsAborted: boolean;
  readonly #pathPrefix: string;
  readonly #pool: string;
  readonly #secret: string | undefined;
  readonly #headers: readonly string[];
  readonly #dialectSettings: Pick<DialectSettings, 'baseUrl' | 'variables'>;

  constructor(settings: UpstreamSettings) {
    this.id = settings.id;
    this.provider = settings.provider;
    this.origin = settings.baseUrl.origin;
    this.host = settings.baseUrl.hostname;
    this.timeouts = settings.timeouts;
    this.drainsAborted = settings.drainsAborted ?? false;
    this.#pathPrefix = settings.baseUrl.pathname.replace(/\/+$/, '');
    this.#pool = `${settings.id} ${this.origin} ${settings.timeouts.connectMs}`;
    this.#secret = settings.secret;
    const baseUrl = settings.ownBaseUrl ? `${this.origin}${this.#pathPrefix}` : undefined;
    this.#dialectSettings = { baseUrl, variables: settings.variables ?? {} };
    this.#headers = [...fixedHeaders, ...credentialHeader(settings.provider, settings.secret)];
  }

  serves(endpoint: string): boolean {
    return this.passes(endpoint) || this.provider.dialect?.serves.includes(endpoint) === true;
  }

  /** On OpenAI's wire: bytes may be passed on. */
  passes(endpoint: string): boolean {
    return Object.hasOwn(this.provider.serves, endpoint);
  }

  /** Speaks the vendor's own protocol; the credential is in nobody else's hands. */
  async speak<Result>(
    fetch: typeof globalThis.fetch,
    use: (dialect: Dialect, settings: DialectSettings) => Promise<Result>,
  ): Promise<Result> {
    const { dialect } = this.provider;
    if (!dialect) throw new Error(`${this.id} has no dialect`);
    const { baseUrl, variables } = this.#dialectSettings;
    return use(await dialect.load(), { fetch, baseUrl, variables, secret: this.#secret });
  }

  /** Where calls of its dialect may go; undefined: nowhere, since `url` is none of its own. */
  dialectRoute(url: URL): DialectRoute | undefined {
    const { baseUrl, variables } = this.#dialectSettings;
    const path = url.pathname + url.search;
    if (url.username !== '' || url.password !== '') return undefined;
    if (url.origin === this.origin) return { pool: this.#pool, origin: this.origin, path, forwardedHost: undefined };
    if (!isDialectOrigin(url, this.provider, variables)) return undefined;
    if (baseUrl === undefined) return { pool: this.#pool, origin: url.origin, path, forwardedHost: undefined };
    // The operator's base URL stands for all of the vendor's hosts: a proxy, or a server in a test.
    return { pool: this.#pool, origin: this.origin, path: this.#pathPrefix + path, forwardedHost: url.host };
  }

  /** The call of an endpoint that this upstream serves. */
  request(endpoint: string, body: Uint8Array, ownHeaders: readonly string[] = []): UpstreamRequest {
    const path = this.provider.serves[endpoint];
    if (path === undefined) throw new Error(`${this.id} does not serve ${endpoint}`);
    return {
      pool: this.#pool,
      origin: this.origin,
      path: this.#pathPrefix + path,
      headers: ownHeaders.length === 0 ? this.#headers : [...this.#headers, ...ownHeaders],
      body,
      timeouts: this.timeouts,
    };
  }

  /** Text of the upstream without our credential, which some vendors quote in their errors. */
  scrub(text: string): string {
    const scrubbed = this.#secret ? text.replaceAll(this.#secret, '[credential]') : text;
    return scrubbed.replaceAll(/\b(?:sk|pk|gsk|xai|key)-[\w*.-]{8,}|\bBearer\s+\S+|\bAIza[\w-]{20,}/gi, '[credential]');
  }
}

function credentialHeader({ auth }: Provider, secret: string | undefined): readonly string[] {
  if (secret === undefined) return [];
  switch (auth.kind) {
    case 'bearer':
      return ['authorization', `Bearer ${secret}`];
    case 'header':
      return [auth.name, secret];
    case 'none':
      return [];
  }
}
