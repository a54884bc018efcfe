import { beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { question, type Target } from './sdk-target.js';

/** Which exception of the official SDK each failure becomes, and what the SDK does about it. */
export function describeSdkFailures(name: string, target: () => Target): void {
  describe(`failures that the official openai package meets at ${name}`, () => {
    let client: OpenAI;
    beforeAll(() => {
      client = new OpenAI({ baseURL: target().baseUrl, apiKey: target().apiKey, maxRetries: 0, timeout: 30_000 });
    });

    it.each([
      {
        failure: 'a wrong key',
        errorClass: OpenAI.AuthenticationError,
        status: 401,
        code: 'invalid_api_key',
        options: { apiKey: 'sk-wrong' },
        change: {},
      },
      {
        failure: 'an unknown model',
        errorClass: OpenAI.NotFoundError,
        status: 404,
        code: 'model_not_found',
        options: {},
        change: { model: 'nobody/knows' },
      },
      {
        failure: 'a bad parameter',
        errorClass: OpenAI.BadRequestError,
        status: 400,
        code: 'invalid_value',
        options: {},
        change: { temperature: 3 },
      },
      {
        failure: 'an upstream 400',
        errorClass: OpenAI.BadRequestError,
        status: 400,
        code: null,
        options: {},
        change: { model: 'sandbox/error-400' },
      },
      {
        failure: 'an upstream 429',
        errorClass: OpenAI.RateLimitError,
        status: 429,
        code: null,
        options: {},
        change: { model: 'sandbox/error-429' },
      },
      {
        failure: 'an upstream 500',
        errorClass: OpenAI.InternalServerError,
        status: 502,
        code: 'upstream_error',
        options: {},
        change: { model: 'sandbox/error-500' },
      },
      {
        failure: 'an upstream that refuses our key',
        errorClass: OpenAI.InternalServerError,
        status: 502,
        code: 'upstream_error',
        options: {},
        change: { model: 'sandbox/error-401' },
      },
      {
        failure: 'an upstream page of HTML',
        errorClass: OpenAI.InternalServerError,
        status: 502,
        code: 'upstream_error',
        options: {},
        change: { model: 'sandbox/html' },
      },
    ])('turns $failure into its exception', async ({ errorClass, status, code, options, change }) => {
      const error = await client
        .withOptions(options)
        .chat.completions.create({ model: 'sandbox/fast', messages: question, ...change })
        .then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
      expect(error).toBeInstanceOf(errorClass);
      const apiError = error as InstanceType<typeof OpenAI.APIError>;
      expect(apiError.status).toBe(status);
      if (code !== null) expect(apiError.code).toBe(code);
      expect(apiError.requestID).toMatch(/^req_/);
    });

    it('keeps Retry-After of an upstream', async () => {
      const response = await fetch(`${target().baseUrl}/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${target().apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'sandbox/error-429', messages: question }),
      });
      expect(response.status).toBe(429);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    });

    it('is retried by the SDK where a retry can help', async () => {
      // sandbox/flaky fails every second call: with one retry every call succeeds.
      const retrying = client.withOptions({ maxRetries: 2 });
      for (let round = 0; round < 4; round++) {
        const answer = await retrying.chat.completions.create({ model: 'sandbox/flaky', messages: question });
        expect(answer.choices).toHaveLength(1);
      }
    });

    it.each(['sandbox/truncate', 'sandbox/reset', 'sandbox/garble', 'sandbox/error-in-stream'])(
      'lets no broken stream look complete: %s',
      async (model) => {
        const read = async () => {
          const stream = await client.chat.completions.create({ model, messages: question, stream: true });
          for await (const chunk of stream) expect(chunk.object).toBe('chat.completion.chunk');
        };
        await expect(read()).rejects.toBeInstanceOf(OpenAI.APIError);
      },
    );
  });
}
