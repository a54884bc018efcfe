import { describe, expect, it } from '@jest/globals';
import { APICallError, LoadAPIKeyError } from '@ai-sdk/provider';
import { GatewayError } from '#libs/contracts';
import { failureOfDialect } from './dialect-failure.js';
import { EgressRefusedError } from './egress/egress-fetch.js';
import { UpstreamError } from './egress/upstream-error.js';
import { compatible } from './openai-compatible/compatible.js';
import { Upstream } from './upstream.js';

const secret = 'sk-acme-0123456789';
const baseUrl = new URL('https://api.acme.test/v1');
const timeouts = { connectMs: 1, firstByteMs: 1, idleMs: 1 };
const provider = compatible('acme', 'Acme', baseUrl.href, []);
const context = {
  upstream: new Upstream({ id: 'acme', provider, baseUrl, secret, timeouts }),
  model: 'acme/voice',
  upstreamModel: 'voice-2-internal',
};

function apiError(
  statusCode: number | undefined,
  body: string,
  rest: Partial<ConstructorParameters<typeof APICallError>[0]> = {},
) {
  return new APICallError({
    message: '',
    url: `https://api.acme.test/v1/speak?key=${secret}`,
    requestBodyValues: { text: 'the private words of the caller' },
    responseBody: body,
    ...(statusCode !== undefined && { statusCode }),
    ...rest,
  });
}

const wrapped = (cause: unknown) => apiError(200, '', { message: 'Failed to process successful response', cause });

describe('the failure of a dialect', () => {
  it('is told by the status of the answer', () => {
    const seen = [400, 401, 402, 403, 404, 408, 422, 429, 500, 502, 503, 504, 529].map((status) => {
      const { kind, failover, error } = failureOfDialect(apiError(status, '{"detail":"bad voice"}'), context);
      return [status, kind, failover, error.code, error.status].join(' ');
    });
    expect(seen).toEqual([
      '400 rejected false upstream_rejected 400',
      '401 credential true upstream_error 502',
      '402 credential true upstream_error 502',
      '403 credential true upstream_error 502',
      '404 rejected false upstream_rejected 404',
      '408 timeout true upstream_timeout 504',
      '422 rejected false upstream_rejected 422',
      '429 rate_limited true upstream_rate_limited 429',
      '500 unavailable true upstream_error 502',
      '502 unavailable true upstream_error 502',
      '503 unavailable true provider_unavailable 503',
      '504 timeout true upstream_timeout 504',
      '529 unavailable true provider_unavailable 503',
    ]);
  });

  it('waits as long as the vendor asks', () => {
    const error = apiError(429, '{}', { responseHeaders: { 'retry-after': '7' } });
    const failure = failureOfDialect(error, context);
    expect([failure.retryAfterMs, failure.error.retryAfterSeconds]).toEqual([7000, 7]);
  });

  it('says what the vendor said, in the shape that its package read, without secrets', () => {
    const message = `voice-2-internal has no voice "x" (${secret}, http://10.0.0.7:80/a)`;
    const error = apiError(400, '{"status":{"msg":"strange shape"}}', { message });
    expect(failureOfDialect(error, context).error.message).toBe('acme/voice has no voice "x" ([credential], [url])');
    const page = failureOfDialect(apiError(400, '<html>'), context);
    expect([page.kind, page.failover]).toEqual(['broken', true]);
  });

  it('is a broken answer when a good status came with what cannot be read', () => {
    for (const error of [
      wrapped(new TypeError('x is undefined')),
      apiError(undefined, ''),
      new Error('moderated'),
      'text',
      null,
    ]) {
      const { kind, failover, error: told } = failureOfDialect(error, context);
      expect([kind, failover, told.code]).toEqual(['broken', true, 'upstream_error']);
    }
  });

  it('finds the cause that a package wrapped', () => {
    const kindOf = (cause: unknown) => [cause, wrapped(cause)].map((error) => failureOfDialect(error, context).kind);
    expect(kindOf(new UpstreamError('connect', 'ECONNREFUSED'))).toEqual(['unavailable', 'unavailable']);
    expect(kindOf(new UpstreamError('body_timeout', 'SILENT'))).toEqual(['timeout', 'timeout']);
    expect(kindOf(new DOMException('x', 'TimeoutError'))).toEqual(['timeout', 'timeout']);
    expect(kindOf(new EgressRefusedError('acme', 'evil.test'))).toEqual(['broken', 'broken']);
    expect(kindOf(new LoadAPIKeyError({ message: `no ${secret}` }))).toEqual(['credential', 'credential']);
    const ours = new GatewayError('invalid_value', 'Choose a voice.', { param: 'voice' });
    expect(failureOfDialect(ours, context).error).toBe(ours);
    expect(failureOfDialect(wrapped(ours), context)).toMatchObject({ kind: 'rejected', failover: false, error: ours });
  });

  it('ends with a chain of causes that has no end', () => {
    const loop = new Error('a');
    loop.cause = loop;
    expect(failureOfDialect(loop, context).kind).toBe('broken');
  });

  it('keeps neither the request nor its URL', () => {
    const inside = (error: unknown): string =>
      error instanceof Error
        ? `${JSON.stringify(error)} ${error.stack} ${inside(error.cause)}`
        : (JSON.stringify(error) ?? '');
    for (const error of [
      apiError(400, '{"detail":"no"}'),
      apiError(500, ''),
      apiError(401, secret),
      wrapped(new Error(secret)),
    ]) {
      expect(inside(failureOfDialect(error, context).error)).not.toMatch(/private words|sk-acme|\?key=/);
    }
  });
});
