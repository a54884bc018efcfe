import type { IncomingMessage } from 'node:http';

/** Leads to no route, so that what cannot be routed takes the way of every unknown URL: key first, then 404. */
const nowhere = '/.unroutable';

const absoluteForm = /^https?:\/\/[^/?#]*/i;

/**
 * The request target as the router may see it. Only what a wildcard route takes may be percent-encoded: the router
 * would decode `/v1/%63hat/completions` and serve it, and then a proxy before us and we would disagree about which
 * route a URL names (CVE-2026-2293 and its kin).
 */
export function routableTarget(raw: IncomingMessage, wildcards: readonly string[]): string {
  const target = raw.url ?? '';
  const url = target.startsWith('/') ? target : target.replace(absoluteForm, '');
  // A fragment is never sent; the router would cut it off, and a proxy before us might not.
  if (!url.startsWith('/') || url.includes('#')) return nowhere;
  if (!url.includes('%')) return url;
  const path = pathOf(url);
  if (!path.includes('%')) return url;
  return wildcards.some((prefix) => path.startsWith(prefix)) && isDecodable(path) ? url : nowhere;
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/** The path of a request target, without query. */
export function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
