import { describe, expect, it } from '@jest/globals';
import { type ChatAnswer, readChatAnswer } from './chat-answer.js';
import { usageOf } from './usage.js';

const answer =
  '{\n  "id": "chatcmpl-1", "model" : "gpt-4o-2024", "choices": [{"index":0,"message":{"role":"assistant","content":"Hé \\"model\\"","refusal":null},' +
  '"logprobs":{"content":[{"token":"Hé","logprob":-0.1,"bytes":[72]}]},"finish_reason":"stop"},{"index":1,"message":{"content":"two","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],' +
  '"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8},"x_new":1.0}\n';

describe('a whole answer', () => {
  it('keeps every byte but the model’s value', () => {
    const read = readChatAnswer(Buffer.from(answer), 'public/id') as ChatAnswer;
    expect(Buffer.from(read.body).toString()).toBe(answer.replace('"gpt-4o-2024"', '"public/id"'));
    expect(read.usage).toEqual({ input: 5, output: 3 });
    expect([read.finishReason, read.upstreamModel]).toEqual(['tool_calls', 'gpt-4o-2024']);
    expect(read.deliveredText().toString()).toBe('Hé "model"two{}');
  });

  it('is not copied when the model has the same name', () => {
    const bytes = Buffer.from(answer);
    expect((readChatAnswer(bytes, 'gpt-4o-2024') as ChatAnswer).body).toBe(bytes);
  });

  it.each(['', ' ', '<html></html>', '{"choices":[', `${answer}{}`, '[]', '{"detail":"x"}', '"text"'])(
    '%j is none',
    (text) => {
      expect(readChatAnswer(Buffer.from(text), 'm').kind).toBe('garbled');
    },
  );

  it('is an error when it holds one', () => {
    expect(readChatAnswer(Buffer.from('{"error":{"message":"no"}}'), 'm')).toEqual({
      kind: 'error',
      error: { message: 'no' },
    });
    expect(readChatAnswer(Buffer.from('{"error":null,"choices":[]}'), 'm').kind).toBe('answer');
  });
});

describe('reported usage', () => {
  it('without output is believed only of an answer without text', () => {
    const read = (message: string) => {
      const usage = '{"prompt_tokens":5,"completion_tokens":0,"total_tokens":5}';
      const text = `{"model":"m","choices":[{"index":0,"message":${message},"finish_reason":"stop"}],"usage":${usage}}`;
      const { usage: believed, usageDisbelieved } = readChatAnswer(Buffer.from(text), 'm') as ChatAnswer;
      return [believed, usageDisbelieved];
    };
    expect(read('{"content":"hello"}')).toEqual([undefined, true]);
    expect(read('{"content":null,"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}')).toEqual([
      undefined,
      true,
    ]);
    expect(read('{"content":""}')).toEqual([{ input: 5, output: 0 }, false]);
  });

  it('becomes units that do not overlap', () => {
    expect(
      usageOf({
        prompt_tokens: 100,
        completion_tokens: 50,
        total_tokens: 150,
        prompt_tokens_details: { cached_tokens: 40 },
        completion_tokens_details: { reasoning_tokens: 30 },
      }),
    ).toEqual({ input: 60, input_cached: 40, output: 20, reasoning: 30 });
  });

  it('knows tokens of audio and images', () => {
    expect(
      usageOf({
        prompt_tokens: 100,
        completion_tokens: 50,
        total_tokens: 150,
        prompt_tokens_details: { cached_tokens: 10, audio_tokens: 40, image_tokens: 5, text_tokens: 45 },
        completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 30, image_tokens: null, text_tokens: 20 },
      }),
    ).toEqual({ input: 45, input_cached: 10, input_audio: 40, input_image: 5, output: 20, output_audio: 30 });
    // All of it cached: the details overlap, our units do not.
    expect(
      usageOf({ prompt_tokens: 9, prompt_tokens_details: { cached_tokens: 6, audio_tokens: 9, image_tokens: 9 } }),
    ).toEqual({ input: 0, input_cached: 6, input_audio: 3, output: 0 });
  });

  it('counts reasoning beside the completion where the total says so', () => {
    const beside = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 35 };
    expect(usageOf({ ...beside, completion_tokens_details: { reasoning_tokens: 20 } })).toEqual({
      input: 10,
      output: 5,
      reasoning: 20,
    });
  });

  it('clamps details that exceed their whole', () => {
    expect(
      usageOf({
        prompt_tokens: 5,
        completion_tokens: 5,
        total_tokens: 10,
        prompt_tokens_details: { cached_tokens: 9 },
        completion_tokens_details: { reasoning_tokens: 9 },
      }),
    ).toEqual({ input: 0, input_cached: 5, output: 0, reasoning: 5 });
  });

  it.each([
    null,
    7,
    {},
    { prompt_tokens: -1 },
    { prompt_tokens: 1e12 },
    { prompt_tokens: '5' },
    { prompt_tokens: 0.5 },
    { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    { prompt_tokens: 0, completion_tokens: 7 },
  ])('is not believed: %j', (usage) => expect(usageOf(usage)).toBeUndefined());
});
