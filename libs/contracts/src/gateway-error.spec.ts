import { describe, expect, it } from '@jest/globals';
import { type ErrorCode, errorTable, GatewayError } from './gateway-error.js';

describe('GatewayError', () => {
  it('takes status, type and retryability from the table', () => {
    const error = new GatewayError('model_not_found', 'No such model.', { param: 'model' });
    expect([error.status, error.retryable]).toEqual([404, false]);
    expect(error.toOpenAi()).toEqual({
      message: 'No such model.',
      type: 'invalid_request_error',
      param: 'model',
      code: 'model_not_found',
    });
  });

  it('has all four keys of OpenAI’s error for every code', () => {
    for (const code of Object.keys(errorTable) as ErrorCode[]) {
      expect(new GatewayError(code, 'm').toOpenAi()).toEqual({
        message: 'm',
        type: errorTable[code].type,
        param: null,
        code,
      });
    }
  });

  it('keeps what an upstream said', () => {
    const upstream = { message: 'slow down', type: 'requests', param: null, code: 'rate_limit_exceeded' };
    const error = new GatewayError('upstream_rate_limited', 'x', { status: 418, upstream, retryable: false });
    expect([error.status, error.retryable, error.toOpenAi()]).toEqual([418, false, upstream]);
  });

  it('crosses the bus whole, without its cause', () => {
    const error = new GatewayError('upstream_error', 'All failed.', {
      cause: new Error('secret'),
      param: 'p',
      retryAfterSeconds: 3,
      status: 529,
      retryable: false,
    });
    const json = JSON.stringify(error.toJson());
    expect(json).not.toContain('secret');
    const copy = GatewayError.fromJson(JSON.parse(json));
    expect(copy).toMatchObject({ code: 'upstream_error', message: 'All failed.', param: 'p', retryAfterSeconds: 3 });
    expect([copy.status, copy.retryable, copy.cause]).toEqual([529, false, undefined]);
    expect(copy.toJson()).toEqual(error.toJson());
  });

  it('takes a code it does not know for an internal error', () => {
    expect(GatewayError.fromJson({ code: 'toString' as ErrorCode, message: 'x' })).toMatchObject({
      code: 'internal_error',
    });
    expect(GatewayError.fromJson({ code: 'of_the_future' as ErrorCode, message: 'x' }).status).toBe(500);
  });

  it('tells nobody what was unexpected, and keeps it for the log', () => {
    const cause = new TypeError('secret');
    const error = GatewayError.from(cause);
    expect([error.code, error.cause]).toEqual(['internal_error', cause]);
    expect(JSON.stringify([error.toOpenAi(), error.message])).not.toContain('secret');
    expect(GatewayError.from(error)).toBe(error);
  });

  it('is a server error in OpenAI’s words when the provider failed', () => {
    for (const code of ['upstream_error', 'upstream_interrupted', 'upstream_timeout'] as const) {
      expect(new GatewayError(code, 'm').toOpenAi().type).toBe('server_error');
    }
  });

  it('says that a retry helps only where SDKs may believe it', () => {
    for (const [code, { status, retryable }] of Object.entries(errorTable)) {
      if (status < 500 && ![408, 409, 429].includes(status)) expect([code, retryable]).toEqual([code, false]);
    }
  });
});
