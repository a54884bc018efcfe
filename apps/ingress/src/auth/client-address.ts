import type { BlockList } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { contains } from './key-policy.js';

/**
 * Where a request comes from: the socket's address, or behind trusted proxies the last address in `X-Forwarded-For` that is
 * not one of them. Whatever an untrusted hop wrote means nothing.
 */
export function clientAddress(raw: IncomingMessage, trustedProxies: BlockList | undefined): string {
  let address = raw.socket.remoteAddress ?? '';
  if (!trustedProxies) return address;
  const forwarded = [raw.headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
  for (const hop of forwarded.toReversed()) {
    if (!contains(trustedProxies, address)) return address;
    const earlier = hop.trim();
    if (earlier === '') return address;
    address = earlier;
  }
  return address;
}
