import type { BlockList } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { contains } from '../auth/key-policy.js';

const path = '/v1/media/';

/** Where callers find the files of our own store: at a fixed address, or at the one that they called. */
export class MediaUrl {
  private readonly fixed: string | undefined;

  constructor(
    publicUrl: string | undefined,
    private readonly trustedProxies: BlockList | undefined,
  ) {
    this.fixed = publicUrl === undefined ? undefined : publicUrl.replace(/\/+$/, '') + path;
  }

  /** Undefined for who sent no Host, as HTTP/1.0 allows. */
  of(request: FastifyRequest): string | undefined {
    if (this.fixed !== undefined) return this.fixed;
    const { host } = request.raw.headers;
    return host === undefined ? undefined : `${this.schemeOf(request)}://${host}${path}`;
  }

  /** TLS ends before us; only a proxy of ours may say that it was there. */
  private schemeOf({ raw }: FastifyRequest): 'http' | 'https' {
    const isTrusted = this.trustedProxies && contains(this.trustedProxies, raw.socket.remoteAddress ?? '');
    return isTrusted && raw.headers['x-forwarded-proto'] === 'https' ? 'https' : 'http';
  }
}
