import { describe, expect, it } from '@jest/globals';
import { type Answer, answerChat } from './answer.js';
import { parseChatRequest } from './chat-request.js';
import type { JsonObject } from './json.js';
import { loadTokenizer } from './token-count.js';

async function answer(
  body: JsonObject,
  options: { reasons?: boolean; maxOutputTokens?: number } = {},
): Promise<Answer> {
  const chat = parseChatRequest({ model: 'chat', messages: [{ role: 'user', content: 'Explain rivers' }], ...body });
  return answerChat(chat, { tokenizer: await loadTokenizer(), maxOutputTokens: 16_384, reasons: false, ...options });
}

const text = (value: Answer, index = 0): string => value.choices[index]?.content ?? '';

describe('answerChat', () => {
  it('is deterministic by seed', async () => {
    expect(text(await answer({ seed: 1 }))).toBe(text(await answer({ seed: 1 })));
    expect(text(await answer({ seed: 1 }))).not.toBe(text(await answer({ seed: 2 })));
    expect(text(await answer({}))).toBe(text(await answer({ seed: 0 })));
  });

  it('gives n different choices and counts them all', async () => {
    const tokenizer = await loadTokenizer();
    const three = await answer({ n: 3 });
    const texts = three.choices.map((choice) => choice.content ?? '');
    expect(new Set(texts).size).toBe(3);
    const counted = texts.reduce((sum, each) => sum + tokenizer.count(each), 0);
    expect(three.usage.completion_tokens).toBe(counted);
    expect(three.usage.total_tokens).toBe(three.usage.prompt_tokens + counted);
  });

  it('stops before a stop sequence', async () => {
    const whole = text(await answer({}));
    const stopped = await answer({ stop: ['zzz', ' a '] });
    expect(text(stopped)).toBe(whole.slice(0, whole.indexOf(' a ')));
    expect(stopped.choices[0]?.finishReason).toBe('stop');
  });

  it('ends at the limit of tokens', async () => {
    const whole = text(await answer({}));
    for (const limit of ['max_tokens', 'max_completion_tokens']) {
      const cut = await answer({ [limit]: 7 });
      expect(cut.choices[0]?.finishReason).toBe('length');
      expect(cut.usage.completion_tokens).toBe(7);
      expect(whole.startsWith(text(cut))).toBe(true);
      expect(text(cut).length).toBeLessThan(whole.length);
    }
    expect((await answer({ max_tokens: 1_000 })).choices[0]?.finishReason).toBe('stop');
    expect((await answer({}, { maxOutputTokens: 3 })).usage.completion_tokens).toBe(3);
  });

  it('counts a prompt as OpenAI does', async () => {
    // The cookbook's example: three tokens a message, one a name, three to prime the answer.
    const messages = [
      { role: 'system', content: 'You are a helpful assistant.' },
      { role: 'user', name: 'ada', content: 'hello world' },
    ];
    const tokenizer = await loadTokenizer();
    const expected = 3 + (3 + 1 + 6) + (3 + 1 + 2 + 1 + tokenizer.count('ada'));
    expect((await answer({ messages })).usage.prompt_tokens).toBe(expected);
  });

  it('counts image tiles and says so', async () => {
    const png = Buffer.alloc(33);
    png.write('\x89PNG\r\n\x1a\n', 'latin1');
    png.writeUInt32BE(1024, 16);
    png.writeUInt32BE(1024, 20);
    const url = `data:image/png;base64,${png.toString('base64')}`;
    const ask = (detail: string): Promise<Answer> =>
      answer({
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What?' },
              { type: 'image_url', image_url: { url, detail } },
            ],
          },
        ],
      });
    // OpenAI's vision guide: 1024 × 1024 is 765 tokens in high detail, 85 in low.
    expect((await ask('high')).usage.prompt_tokens_details.image_tokens).toBe(765);
    expect((await ask('low')).usage.prompt_tokens_details.image_tokens).toBe(85);
    expect(text(await ask('high'))).toContain('1024 × 1024');
  });

  it('reasons before it answers', async () => {
    const reasoned = await answer({ reasoning_effort: 'low' }, { reasons: true });
    const tokenizer = await loadTokenizer();
    expect(reasoned.usage.completion_tokens_details.reasoning_tokens).toBe(64);
    expect(reasoned.usage.completion_tokens).toBe(64 + tokenizer.count(text(reasoned)));
    const spent = await answer({ reasoning_effort: 'low', max_completion_tokens: 50 }, { reasons: true });
    expect(spent.choices[0]).toMatchObject({ content: '', finishReason: 'length' });
    expect(spent.usage.completion_tokens).toBe(50);
  });

  it('answers in JSON of the schema', async () => {
    const schema = {
      type: 'object',
      properties: { n: { type: 'integer', minimum: 3, maximum: 4 } },
      required: ['n'],
      additionalProperties: false,
    };
    const format = { type: 'json_schema', json_schema: { name: 'n', strict: true, schema } };
    const value = JSON.parse(text(await answer({ response_format: format }))) as JsonObject;
    expect(Object.keys(value)).toEqual(['n']);
    expect([3, 4]).toContain(value.n);
  });

  it('answers in JSON with the keys that were quoted', async () => {
    const messages = [{ role: 'user', content: 'JSON with "name" and "age" of Bob, 7' }];
    const value = JSON.parse(text(await answer({ messages, response_format: { type: 'json_object' } }))) as JsonObject;
    expect(value).toEqual({ name: 'Bob', age: 7 });
  });

  it('quotes a tool result', async () => {
    const messages = [
      { role: 'user', content: 'Weather?' },
      {
        role: 'assistant',
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: '21 degrees and sunny' },
    ];
    expect(text(await answer({ messages }))).toContain('get_weather: 21 degrees and sunny');
  });

  it('breaks a call off at the limit, and gives each call an id of its own', async () => {
    const tools = [
      {
        type: 'function',
        function: {
          name: 'note',
          parameters: { type: 'object', properties: { text: { type: 'string', minLength: 200 } }, required: ['text'] },
        },
      },
    ];
    const body = { tools, tool_choice: 'required' };
    const [whole, again, cut] = [await answer(body), await answer(body), await answer({ ...body, max_tokens: 10 })];
    expect(whole.choices[0]).toMatchObject({ content: null, finishReason: 'tool_calls' });
    expect(whole.choices[0]?.calls[0]?.id).toMatch(/^call_[0-9a-f]{24}$/);
    expect(whole.choices[0]?.calls[0]?.id).not.toBe(again.choices[0]?.calls[0]?.id);
    expect(whole.choices[0]?.calls[0]?.input).toBe(again.choices[0]?.calls[0]?.input);
    expect(cut.choices[0]?.finishReason).toBe('length');
    expect(cut.usage.completion_tokens).toBe(10);
  });
});
