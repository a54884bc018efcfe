import type { FastifyRequest } from 'fastify';

/** What a page may read: the headers that answers have, and no other. */
const exposed = [
  'x-request-id',
  'retry-after',
  'x-should-retry',
  'openai-processing-ms',
  'openai-version',
  'x-modapi-provider',
  'x-modapi-cost-nano-usd',
  'x-modapi-usage-source',
  'x-modapi-budget-scope',
  'idempotent-replayed',
  'x-modapi-upstream-request-id',
  'x-modapi-upstream-processing-ms',
  'x-modapi-upstream-ratelimit-limit-requests',
  'x-modapi-upstream-ratelimit-limit-tokens',
  'x-modapi-upstream-ratelimit-remaining-requests',
  'x-modapi-upstream-ratelimit-remaining-tokens',
  'x-modapi-upstream-ratelimit-reset-requests',
  'x-modapi-upstream-ratelimit-reset-tokens',
].join(', ');
const headerNames = /^[\w!#$%&'*+.^`|~-]+(?:\s*,\s*[\w!#$%&'*+.^`|~-]+)*$/;
const none: readonly string[] = [];

/** Which browser pages may call. Never with cookies: the key is the only credential. */
export class CorsPolicy {
  private readonly any: boolean;
  private readonly allowed: ReadonlySet<string>;

  constructor(origins: readonly string[]) {
    this.any = origins.includes('*');
    this.allowed = new Set(origins);
  }

  /** Names and values in turn, for every answer; empty for those who are no browser. */
  headersFor(origin: string | undefined): readonly string[] {
    if (origin === undefined) return none;
    if (this.any) return ['access-control-allow-origin', '*', 'access-control-expose-headers', exposed];
    if (!this.allowed.has(origin)) return ['vary', 'Origin'];
    return ['access-control-allow-origin', origin, 'vary', 'Origin', 'access-control-expose-headers', exposed];
  }

  /** The answer to a preflight. An origin that may not call gets no allow header: the browser then refuses for us. */
  preflight(request: FastifyRequest): Record<string, string> {
    const { origin } = request.headers;
    const headers = toRecord(this.headersFor(origin));
    if (headers['access-control-allow-origin'] === undefined) return headers;
    delete headers['access-control-expose-headers'];
    headers['access-control-allow-methods'] = 'GET, HEAD, POST';
    headers['access-control-max-age'] = '86400';
    // Whatever the SDK adds (x-stainless-*, openai-*, authorization): none of them is read as authority but the key.
    const wanted = request.headers['access-control-request-headers'];
    if (wanted !== undefined && headerNames.test(wanted)) headers['access-control-allow-headers'] = wanted;
    return headers;
  }
}

export function isPreflight(request: FastifyRequest): boolean {
  const { origin, 'access-control-request-method': method } = request.headers;
  return request.method === 'OPTIONS' && origin !== undefined && method !== undefined;
}

function toRecord(pairs: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let index = 0; index < pairs.length; index += 2) record[pairs[index] as string] = pairs[index + 1] as string;
  return record;
}
