import { describe, expect, it } from '@jest/globals';
import { UpstreamError, type UpstreamErrorKind } from '../egress/upstream-error.js';
import { defineProvider } from '../provider.js';
import { Upstream } from '../upstream.js';
import { failureOfAnswer, failureOfErrorObject, failureOfTransport, finalError } from './upstream-failure.js';

const upstream = new Upstream({
  id: 'acme',
  provider: defineProvider({
    id: 'acme',
    name: 'Acme',
    baseUrl: 'https://acme.test',
    auth: { kind: 'bearer' },
    keyEnv: 'K',
    serves: {},
  }),
  baseUrl: new URL('https://acme.test/v1'),
  secret: 'very-secret-credential',
  timeouts: { connectMs: 1, firstByteMs: 1, idleMs: 1 },
});
const context = { upstream, model: 'public/id', upstreamModel: 'acme-large-1' };

function answered(status: number, body: unknown = {}, headers: Record<string, string> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return failureOfAnswer({ status, headers, body: Buffer.from(text) }, context);
}

const openAiError = (message: string, code: string | null = null) => ({
  error: { message, type: 'invalid_request_error', param: null, code },
});

describe('the next provider', () => {
  it.each([408, 425, 429, 500, 502, 503, 504, 529, 401, 402, 403, 301, 302])('is tried after %d', (status) => {
    expect(answered(status, openAiError('no')).failover).toBe(true);
  });

  it.each([400, 404, 409, 413, 422])('is not tried after %d with an error of the API', (status) => {
    expect(answered(status, openAiError('no')).failover).toBe(false);
  });

  it('is tried after a 404 page, which only means a wrong base URL', () => {
    const failure = answered(404, '<html>nginx</html>');
    expect([failure.failover, failure.error.status]).toEqual([true, 502]);
    // Until the operator acts, every retry ends the same.
    expect([failure.error.retryable, answered(302).error.retryable, answered(500).error.retryable]).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe('what the caller hears', () => {
  it('is the provider’s own error when the request was refused, status and all', () => {
    const { error } = answered(422, openAiError('messages[0]: wrong', 'bad_field'));
    expect(error.status).toBe(422);
    expect(error.retryable).toBe(false);
    expect(error.toOpenAi()).toEqual({
      message: 'messages[0]: wrong',
      type: 'invalid_request_error',
      param: null,
      code: 'bad_field',
    });
  });

  it.each([
    ['Mistral', { object: 'error', message: 'bad', type: 'invalid_request_error', code: 1234 }, 'bad', '1234'],
    ['Gemini', [{ error: { code: 400, message: 'bad', status: 'INVALID_ARGUMENT' } }], 'bad', '400'],
    ['FastAPI', { detail: [{ loc: ['body', 'n'], msg: 'too many' }] }, 'n: too many', null],
    ['FastAPI, plain', { detail: 'bad' }, 'bad', null],
    ['a string', { error: 'bad' }, 'bad', null],
  ])('reads the shape of %s', (_, body, message, code) => {
    expect(answered(400, body).error.toOpenAi()).toMatchObject({ message, code });
  });

  it('names the model as the caller does, and says that it does not exist', () => {
    const { error } = answered(404, openAiError('The model `acme-large-1` was not found', 'model_not_found'));
    expect([error.code, error.status]).toEqual(['model_not_found', 404]);
    expect(error.message).toMatch(/`public\/id` does not exist/);
    expect(answered(400, openAiError('acme-large-1 takes 8 tokens')).error.message).toBe('public/id takes 8 tokens');
  });

  it('never holds our credential, control characters or a book', () => {
    const message = `key very-secret-credential\r\n\n\u0000data: forged ${'x'.repeat(5000)}`;
    const told = answered(400, openAiError(message, 'very-secret-credential')).error.toOpenAi();
    expect(JSON.stringify(told)).not.toContain('very-secret');
    expect(told.message).toMatch(/^key \[credential\] data: forged x+…$/);
    expect(told.message.length).toBe(1000);
  });

  it('never holds what is behind the provider’s door', () => {
    const message = 'bad field; pod 10.0.0.7:8000 of org-AbCdEf123456, see http://vllm.internal/logs';
    expect(answered(400, openAiError(message, 'http://x.internal')).error.toOpenAi()).toMatchObject({
      message: 'bad field; pod [address] of [redacted], see [url]',
      code: '[url]',
    });
  });

  it('is nothing of the provider’s text when our key or account is at fault', () => {
    for (const status of [401, 402, 403, 500]) {
      const { error } = answered(status, openAiError('Incorrect API key provided: very-secret-credential'));
      expect(error.status).toBe(502);
      expect(error.message).not.toContain('Incorrect');
      expect(error.retryable).toBe(status === 500);
    }
  });

  it('keeps 429 and its Retry-After, within bounds', () => {
    const wait = (headers: Record<string, string>) => answered(429, {}, headers).error.retryAfterSeconds;
    expect(answered(429).error.status).toBe(429);
    expect(wait({ 'retry-after': '7' })).toBe(7);
    expect(wait({ 'retry-after-ms': '1500', 'retry-after': '9' })).toBe(2);
    expect(wait({ 'retry-after': '0' })).toBe(0);
    expect(wait({ 'retry-after': '1000000000' })).toBe(86_400);
    expect(wait({ 'retry-after': 'Mon, 01 Jan 2001 00:00:00 GMT' })).toBe(0);
    for (const garbage of ['-1', 'soon', '', 'NaN', '1;2']) expect(wait({ 'retry-after': garbage })).toBeUndefined();
  });

  it('says that a retry cannot help when the account is empty', () => {
    const { error } = answered(429, openAiError('quota', 'insufficient_quota'));
    expect([error.status, error.retryable]).toEqual([429, false]);
    expect(error.message).toMatch(/^The provider acme has no quota left for us\. The gateway's operator must /);
  });

  it.each<[UpstreamErrorKind, number, boolean]>([
    ['connect', 503, false],
    ['headers_timeout', 504, false],
    ['body_timeout', 504, false],
    ['reset', 502, true],
    ['protocol', 502, false],
    ['saturated', 503, false],
  ])('is a status of ours after %s', (kind, status, repeatable) => {
    const failure = failureOfTransport(new UpstreamError(kind, 'CODE'), context);
    expect([failure.error.status, failure.repeatable, failure.failover]).toEqual([status, repeatable, true]);
  });

  it('takes the status out of an error object that came with 200', () => {
    expect(failureOfErrorObject({ message: 'x', code: 429 }, context).kind).toBe('rate_limited');
    expect(failureOfErrorObject({ message: 'x', code: 503 }, context).error.status).toBe(503);
    expect(failureOfErrorObject('x', context).error.status).toBe(502);
  });
});

describe('the final error', () => {
  const limited = (seconds: string) => answered(429, {}, { 'retry-after': seconds });

  it('is 429 with the least wait when every provider limits', () => {
    const error = finalError([limited('30'), limited('5'), limited('60')]);
    expect([error.status, error.retryAfterSeconds]).toEqual([429, 5]);
  });

  it('is the last other failure when only some do', () => {
    expect(finalError([answered(503), answered(500), limited('5')]).status).toBe(502);
    const timeout = failureOfTransport(new UpstreamError('headers_timeout', 'C'), context);
    expect(finalError([limited('5'), timeout]).status).toBe(504);
  });

  it('is 503 when nobody could be asked', () => {
    expect(finalError([]).status).toBe(503);
  });
});
