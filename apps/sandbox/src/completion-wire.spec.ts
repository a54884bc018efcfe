import { describe, expect, it } from '@jest/globals';
import { answerChat } from './answer.js';
import { parseChatRequest } from './chat-request.js';
import { completeTemplate, partHead, streamTemplate, wordPieces } from './completion-wire.js';
import type { JsonObject } from './json.js';
import { loadTokenizer } from './token-count.js';

interface Chunk {
  choices: {
    index: number;
    delta: JsonObject;
    logprobs: { content: { token: string; bytes: number[] }[] } | null;
    finish_reason: string | null;
  }[];
  usage?: JsonObject | null;
}

async function wire(body: JsonObject): Promise<string[]> {
  const tokenizer = await loadTokenizer();
  const chat = parseChatRequest({
    model: 'sandbox/chat',
    messages: [{ role: 'user', content: 'Explain rivers' }],
    ...body,
  });
  const answer = answerChat(chat, { tokenizer, maxOutputTokens: 16_384, reasons: false });
  const make = chat.stream ? streamTemplate : completeTemplate;
  const { tails } = make(chat, answer, { tokenizer, reportsUsage: true });
  return tails.map((tail) => partHead(chat.stream, 'chatcmpl-1', 1_700_000_000) + tail);
}

async function complete(body: JsonObject): Promise<JsonObject> {
  const [part = ''] = await wire(body);
  return JSON.parse(part) as JsonObject;
}

async function stream(body: JsonObject): Promise<Chunk[]> {
  const parts = await wire({ ...body, stream: true });
  return parts.map((part) => {
    expect(part).toMatch(/^data: \{.*\}\n\n$/);
    return JSON.parse(part.slice('data: '.length)) as Chunk;
  });
}

const tools = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      parameters: { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] },
    },
  },
];
const askWeather = { messages: [{ role: 'user', content: 'Weather in Paris and London?' }], tools };

describe('a complete answer', () => {
  it('has every field that OpenAI requires', async () => {
    expect(await complete({})).toEqual({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'sandbox/chat',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: expect.any(String), refusal: null, annotations: [] },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: expect.objectContaining({ prompt_tokens: expect.any(Number), total_tokens: expect.any(Number) }),
      service_tier: 'default',
      system_fingerprint: expect.stringMatching(/^fp_/),
    });
  });

  it('has a logprob for each token, the chosen one first', async () => {
    const body = await complete({
      logprobs: true,
      top_logprobs: 3,
      max_tokens: 6,
      messages: [{ role: 'user', content: 'Say "Grüße 👩‍🚀!"' }],
    });
    const [choice] = body.choices as {
      message: { content: string };
      logprobs: { content: (JsonObject & { bytes: number[]; top_logprobs: JsonObject[] })[] };
    }[];
    const entries = choice?.logprobs.content ?? [];
    expect(entries).toHaveLength(6);
    expect(Buffer.from(entries.flatMap((entry) => entry.bytes)).toString()).toContain(choice?.message.content);
    for (const entry of entries) {
      expect(entry.top_logprobs).toHaveLength(3);
      expect(entry.top_logprobs[0]).toMatchObject({ token: entry.token, logprob: entry.logprob });
      expect(entry.logprob).toBeLessThanOrEqual(0);
    }
  });

  it('has function_call for who used functions', async () => {
    const body = await complete({ messages: askWeather.messages, functions: [tools[0]?.function ?? {}] });
    expect(body.choices).toMatchObject([
      {
        message: { content: null, function_call: { name: 'get_weather', arguments: '{"location":"Paris"}' } },
        finish_reason: 'function_call',
      },
    ]);
  });
});

describe('a streamed answer', () => {
  it('goes role, words, finish reason', async () => {
    const chunks = await stream({});
    const deltas = chunks.map((chunk) => chunk.choices[0]?.delta);
    expect(deltas[0]).toEqual({ role: 'assistant', content: '', refusal: null });
    expect(deltas.at(-1)).toEqual({});
    expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason)).toEqual([
      ...chunks.slice(1).map(() => null),
      'stop',
    ]);
    const whole = await complete({});
    const content = deltas
      .slice(1, -1)
      .map((delta) => delta?.content as string)
      .join('');
    expect(whole.choices).toMatchObject([{ message: { content } }]);
    expect(deltas.length).toBeGreaterThan(20);
    expect(chunks.every((chunk) => !('usage' in chunk))).toBe(true);
  });

  it('reports usage in a last chunk without choices, and null before', async () => {
    const chunks = await stream({ stream_options: { include_usage: true } });
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null && chunk.choices.length === 1)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: expect.any(Number) } });
    expect(chunks.at(-1)?.usage).toEqual((await complete({})).usage);
  });

  it('sends a tool call as id and name first, then pieces of its arguments', async () => {
    const chunks = await stream(askWeather);
    type CallDelta = { index: number; id?: string; type?: string; function: { name?: string; arguments: string } };
    const calls = chunks.flatMap((chunk) => (chunk.choices[0]?.delta.tool_calls ?? []) as unknown as CallDelta[]);
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: null, refusal: null });
    for (const index of [0, 1]) {
      const [first, ...rest] = calls.filter((call) => call.index === index);
      expect(first).toEqual({
        index,
        id: expect.stringMatching(/^call_/),
        type: 'function',
        function: { name: 'get_weather', arguments: '' },
      });
      expect(
        rest.every(
          (call) => Object.keys(call).join() === 'index,function' && Object.keys(call.function).join() === 'arguments',
        ),
      ).toBe(true);
      const location = index === 0 ? 'Paris' : 'London';
      expect(JSON.parse(rest.map((call) => call.function.arguments).join(''))).toEqual({ location });
    }
    expect(calls.map((call) => call.index)).toEqual(calls.map((call) => call.index).toSorted());
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('tool_calls');
  });

  it('grows n choices side by side', async () => {
    const chunks = await stream({ n: 2 });
    expect(chunks.slice(0, 4).map((chunk) => chunk.choices[0]?.index)).toEqual([0, 1, 0, 1]);
    expect(chunks.filter((chunk) => chunk.choices[0]?.finish_reason === 'stop')).toHaveLength(2);
  });

  it('carries the logprobs of the tokens in each chunk', async () => {
    const chunks = await stream({
      logprobs: true,
      top_logprobs: 1,
      messages: [{ role: 'user', content: 'Say "a 👩‍🚀 b"' }],
    });
    for (const chunk of chunks.slice(1, -1)) {
      const choice = chunk.choices[0];
      const bytes = choice?.logprobs?.content.flatMap((entry) => entry.bytes) ?? [];
      expect(Buffer.from(bytes).toString()).toBe(choice?.delta.content);
    }
  });
});

describe('wordPieces', () => {
  it.each(['one two  three\n\nfour ', '', '   ', 'a'.repeat(50), '👩‍🚀'.repeat(20), '{"a":"b","c":[1,2,3,4,5,6,7,8]}'])(
    'loses nothing of %j',
    (text) => {
      const pieces = wordPieces(text);
      expect(pieces.join('')).toBe(text);
      expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
    },
  );
});
