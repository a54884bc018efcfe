import type { UpstreamHeaders } from './egress-client.js';

/** Upstream headers that a caller gets, and their names there. All others stay here: cookies, servers, hop-by-hop. */
const relayed: Readonly<Record<string, string>> = {
  'openai-processing-ms': 'x-modapi-upstream-processing-ms',
  'x-request-id': 'x-modapi-upstream-request-id',
  'x-ratelimit-limit-requests': 'x-modapi-upstream-ratelimit-limit-requests',
  'x-ratelimit-limit-tokens': 'x-modapi-upstream-ratelimit-limit-tokens',
  'x-ratelimit-remaining-requests': 'x-modapi-upstream-ratelimit-remaining-requests',
  'x-ratelimit-remaining-tokens': 'x-modapi-upstream-ratelimit-remaining-tokens',
  'x-ratelimit-reset-requests': 'x-modapi-upstream-ratelimit-reset-requests',
  'x-ratelimit-reset-tokens': 'x-modapi-upstream-ratelimit-reset-tokens',
};

/** The headers that pass, under names that cannot be taken for the gateway's own. */
export function relayedHeaders(headers: UpstreamHeaders): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name in headers) {
    const as = relayed[name];
    if (as === undefined) continue;
    const value = headerText(headers, name);
    if (value !== undefined) passed[as] = value;
  }
  return passed;
}

/** One header as short printable ASCII, or undefined. */
export function headerText(headers: UpstreamHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value.length <= 256 && /^[\x20-\x7e]*$/.test(value) ? value : undefined;
}

/** The upstream's name for the call, for its support. */
export function upstreamRequestId(headers: UpstreamHeaders): string | null {
  for (const name of ['x-request-id', 'request-id', 'x-amzn-requestid', 'apim-request-id', 'cf-ray']) {
    const value = headerText(headers, name);
    if (value) return value.slice(0, 128);
  }
  return null;
}

/** A day: some quotas renew only then. SDKs give up above two minutes anyway. */
const maxRetryAfterMs = 86_400_000;

/** What the upstream asks us to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date. Garbage is nothing. */
export function retryAfterMs(headers: UpstreamHeaders, now = Date.now()): number | undefined {
  const precise = numberOf(headerText(headers, 'retry-after-ms'));
  const text = headerText(headers, 'retry-after');
  const seconds = numberOf(text);
  let wanted = precise ?? (seconds === undefined ? undefined : seconds * 1000);
  if (wanted === undefined && text !== undefined && /[a-z]/i.test(text)) {
    const date = Date.parse(text);
    if (!Number.isNaN(date)) wanted = date - now;
  }
  return wanted === undefined ? undefined : Math.min(Math.max(wanted, 0), maxRetryAfterMs);
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : undefined;
}
