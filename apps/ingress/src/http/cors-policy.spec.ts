import { describe, expect, it } from '@jest/globals';
import { relayedHeaders } from '#libs/providers';
import { CorsPolicy } from './cors-policy.js';

describe('what a page may read', () => {
  it('is what answers have, whatever an upstream sends', () => {
    const [, , name, exposed] = new CorsPolicy(['*']).headersFor('https://app.test');
    const limits = ['limit', 'remaining', 'reset'].flatMap((what) => [`${what}-requests`, `${what}-tokens`]);
    const upstream = ['x-request-id', 'openai-processing-ms', ...limits.map((what) => `x-ratelimit-${what}`), 'server'];
    const relayed = relayedHeaders(Object.fromEntries(upstream.map((header) => [header, '1'])));
    const own = ['x-request-id', 'retry-after', 'x-should-retry', 'openai-processing-ms', 'openai-version'];
    const money = ['x-modapi-cost-nano-usd', 'x-modapi-usage-source', 'x-modapi-budget-scope', 'idempotent-replayed'];
    expect(name).toBe('access-control-expose-headers');
    expect(exposed?.split(', ').sort()).toEqual(
      [...own, ...money, 'x-modapi-provider', ...Object.keys(relayed)].sort(),
    );
  });
});
