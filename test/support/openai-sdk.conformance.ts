import { beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { describeSdkFailures } from './openai-sdk-failures.conformance.js';
import { question, type Target } from './sdk-target.js';

const weatherTool = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'Weather of a city',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 5 } },
      required: ['city', 'days'],
      additionalProperties: false,
    },
  },
};

/** The official SDK as the client: what its users do, and which exception each failure becomes. */
export function describeOpenAiSdk(name: string, target: () => Target): void {
  describeSdkFailures(name, target);
  describe(`official openai package against ${name}`, () => {
    let client: OpenAI;
    beforeAll(() => {
      client = new OpenAI({ baseURL: target().baseUrl, apiKey: target().apiKey, maxRetries: 0, timeout: 30_000 });
    });

    it('lists models and retrieves one whose id has a slash', async () => {
      const ids = (await client.models.list()).data.map((model) => model.id);
      expect(ids).toContain('sandbox/chat');
      const model = await client.models.retrieve('sandbox/chat');
      expect(model).toMatchObject({ id: 'sandbox/chat', object: 'model' });
      await expect(client.models.retrieve('no/such-model')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    });

    it('answers a chat completion with usage that adds up and the model that was asked for', async () => {
      const answer = await client.chat.completions.create({ model: 'sandbox/chat', messages: question });
      expect(answer.model).toBe('sandbox/chat');
      expect(answer.choices[0]?.finish_reason).toBe('stop');
      expect(answer.choices[0]?.message.content?.length).toBeGreaterThan(20);
      expect(answer.usage?.total_tokens).toBe(
        (answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0),
      );
      expect(answer._request_id).toMatch(/^req_/);
    });

    it('is deterministic by seed', async () => {
      const ask = async (seed: number) =>
        (await client.chat.completions.create({ model: 'sandbox/chat', messages: question, seed })).choices[0]?.message
          .content;
      expect(await ask(7)).toBe(await ask(7));
      expect(await ask(7)).not.toBe(await ask(8));
    });

    it('streams in several chunks and sends usage only to those who asked', async () => {
      const collect = async (includeUsage: boolean) => {
        const stream = await client.chat.completions.create({
          model: 'sandbox/chat',
          messages: question,
          stream: true,
          ...(includeUsage && { stream_options: { include_usage: true } }),
        });
        const chunks = [];
        for await (const chunk of stream) chunks.push(chunk);
        return chunks;
      };
      const asked = await collect(true);
      expect(asked.length).toBeGreaterThan(5);
      expect(asked.at(-1)).toMatchObject({ choices: [] });
      expect(asked.at(-1)?.usage?.total_tokens).toBeGreaterThan(0);
      expect(new Set(asked.map((chunk) => chunk.model))).toEqual(new Set(['sandbox/chat']));
      const plain = await collect(false);
      expect(plain.filter((chunk) => chunk.usage)).toEqual([]);
      expect(plain.every((chunk) => chunk.choices.length > 0)).toBe(true);
      const text = (chunks: typeof asked) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
      expect(text(plain)).toBe(text(asked));
    });

    it('calls a forced tool with valid arguments, streamed and not, and goes on with its result', async () => {
      const request = {
        model: 'sandbox/chat',
        messages: [{ role: 'user' as const, content: 'Weather in Vienna for 2 days?' }],
        tools: [weatherTool],
        tool_choice: 'required' as const,
      };
      const answer = await client.chat.completions.create(request);
      expect(answer.choices[0]?.finish_reason).toBe('tool_calls');
      const call = answer.choices[0]?.message.tool_calls?.[0];
      if (call?.type !== 'function') throw new Error('no function call');
      expect(JSON.parse(call.function.arguments)).toEqual({ city: expect.any(String), days: expect.any(Number) });

      const streamed = client.chat.completions.stream(request);
      const final = await streamed.finalChatCompletion();
      const streamedCall = final.choices[0]?.message.tool_calls?.[0];
      expect(streamedCall?.type === 'function' && streamedCall.function.name).toBe('get_weather');

      const followUp = await client.chat.completions.create({
        model: 'sandbox/chat',
        tools: [weatherTool],
        messages: [
          ...request.messages,
          { role: 'assistant', content: null, tool_calls: [call] },
          { role: 'tool', tool_call_id: call.id, content: 'sunny, 21 degrees' },
        ],
      });
      expect(followUp.choices[0]?.message.content).toContain('21 degrees');
    });

    it('answers with JSON that fits a schema', async () => {
      const answer = await client.chat.completions.create({
        model: 'sandbox/chat',
        messages: [{ role: 'user', content: 'A person, please.' }],
        response_format: {
          type: 'json_schema',
          json_schema: {
            name: 'person',
            strict: true,
            schema: {
              type: 'object',
              properties: { name: { type: 'string' }, age: { type: 'integer' } },
              required: ['name', 'age'],
              additionalProperties: false,
            },
          },
        },
      });
      const person: unknown = JSON.parse(answer.choices[0]?.message.content ?? '');
      expect(person).toEqual({ name: expect.any(String), age: expect.any(Number) });
    });

    it('passes n, logprobs, stop and limits through', async () => {
      const answer = await client.chat.completions.create({
        model: 'sandbox/chat',
        messages: question,
        n: 2,
        logprobs: true,
        top_logprobs: 2,
        max_completion_tokens: 5,
      });
      expect(answer.choices).toHaveLength(2);
      expect(answer.choices[1]?.finish_reason).toBe('length');
      expect(answer.choices[1]?.logprobs?.content?.length).toBeGreaterThan(0);
    });

    it('sees an image part and remembers an earlier turn', async () => {
      const pixel =
        'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
      const seen = await client.chat.completions.create({
        model: 'sandbox/chat',
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image_url', image_url: { url: pixel } },
            ],
          },
        ],
      });
      expect(seen.choices[0]?.message.content).toMatch(/png/i);
      const remembered = await client.chat.completions.create({
        model: 'sandbox/chat',
        messages: [
          { role: 'user', content: 'My name is Ada.' },
          { role: 'assistant', content: 'Hello Ada.' },
          { role: 'user', content: 'What is my name?' },
        ],
      });
      expect(remembered.choices[0]?.message.content).toContain('Ada');
    });

    it('stops when the caller aborts, and serves the next call', async () => {
      const stream = await client.chat.completions.create({
        model: 'sandbox/slow-stream',
        messages: question,
        stream: true,
      });
      let chunks = 0;
      for await (const chunk of stream) {
        chunks += chunk.choices.length;
        if (chunks === 2) stream.controller.abort();
      }
      expect(chunks).toBeGreaterThanOrEqual(2);
      const aborted = client.chat.completions.create(
        { model: 'sandbox/hang', messages: question },
        { signal: AbortSignal.timeout(200) },
      );
      await expect(aborted).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
      const next = await client.chat.completions.create({ model: 'sandbox/fast', messages: question });
      expect(next.choices).toHaveLength(1);
    });

    it('ends every good stream with [DONE]', async () => {
      const response = await fetch(`${target().baseUrl}/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${target().apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'sandbox/chat',
          messages: question,
          stream: true,
          stream_options: { include_usage: true },
        }),
      });
      expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
      const events = (await response.text()).trim().split('\n\n');
      expect(events.at(-1)).toBe('data: [DONE]');
      expect(JSON.parse(events.at(-2)?.slice('data: '.length) ?? '')).toMatchObject({ choices: [] });
    });
  });
}
