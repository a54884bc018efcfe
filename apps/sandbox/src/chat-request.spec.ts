import { describe, expect, it } from '@jest/globals';
import { parseChatRequest } from './chat-request.js';
import type { JsonObject } from './json.js';
import { WireError } from './wire-error.js';

const messages = [{ role: 'user', content: 'hi' }];

function refusal(body: JsonObject): { status: number; param: string | null; code: string | null } {
  try {
    parseChatRequest({ model: 'chat', messages, ...body });
  } catch (error) {
    if (error instanceof WireError) return { status: error.status, param: error.body.param, code: error.body.code };
    throw error;
  }
  throw new Error('it was accepted');
}

describe('parseChatRequest', () => {
  it('fills in what was not said', () => {
    expect(parseChatRequest({ model: 'chat', messages })).toMatchObject({
      stream: false,
      includeUsage: false,
      seed: 0,
      choices: 1,
      stop: [],
      maxTokens: undefined,
      topLogprobs: undefined,
      format: { type: 'text' },
      toolMode: 'none',
    });
  });

  it('takes null for "not said"', () => {
    const body = {
      model: 'chat',
      messages,
      stream: null,
      n: null,
      stop: null,
      tools: null,
      seed: null,
      response_format: null,
    };
    expect(parseChatRequest(body)).toMatchObject({ stream: false, choices: 1, stop: [], tools: [] });
  });

  it('joins text parts and keeps the others', () => {
    const content = [
      { type: 'text', text: 'a' },
      { type: 'image_url', image_url: { url: 'https://x.test/a.png', detail: 'low' } },
      { type: 'text', text: 'b' },
    ];
    const [message] = parseChatRequest({ model: 'chat', messages: [{ role: 'user', content }] }).messages;
    expect(message).toMatchObject({
      text: 'a\nb',
      media: [{ kind: 'image', source: 'https://x.test/a.png', note: 'low' }],
    });
  });

  it('lets unknown fields pass', () => {
    expect(parseChatRequest({ model: 'chat', messages, brand_new: { a: 1 }, service_tier: 'flex' }).model).toBe('chat');
  });

  it.each<[JsonObject, string | null]>([
    [{ messages: [] }, 'messages'],
    [{ messages: 'hi' }, 'messages'],
    [{ messages: [{ role: 'robot', content: 'hi' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'user', content: 7 }] }, 'messages[0].content'],
    [{ messages: [{ role: 'user' }] }, 'messages[0].content'],
    [{ messages: [{ role: 'user', content: [{ type: 'hologram' }] }] }, 'messages[0].content[0].type'],
    [{ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, 'messages[0].content[0]'],
    [{ messages: [...messages, { role: 'tool', content: 'x', tool_call_id: 'call_9' }] }, 'messages[1].role'],
    [{ temperature: 2.1 }, 'temperature'],
    [{ n: 0 }, 'n'],
    [{ n: 1.5 }, 'n'],
    [{ stream: 'yes' }, 'stream'],
    [{ stream_options: { include_usage: true } }, 'stream_options'],
    [{ stop: ['1', '2', '3', '4', '5'] }, 'stop'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ max_tokens: 5, max_completion_tokens: 5 }, 'max_tokens'],
    [{ top_logprobs: 2 }, 'top_logprobs'],
    [{ logprobs: true, top_logprobs: 21 }, 'top_logprobs'],
    [{ response_format: { type: 'xml' } }, 'response_format.type'],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema.name'],
    [{ tools: [{ type: 'function', function: {} }] }, 'tools[0].function.name'],
    [{ tools: [{ type: 'function', function: { name: 'no spaces' } }] }, 'tools[0].function.name'],
    [{ tools: [{ type: 'robot' }] }, 'tools[0].type'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [
      {
        tools: [{ type: 'function', function: { name: 'a' } }],
        tool_choice: { type: 'function', function: { name: 'b' } },
      },
      'tool_choice',
    ],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
    [{ model: 7 }, 'model'],
  ])('refuses %j', (body, param) => {
    expect(refusal(body)).toMatchObject({ status: 400, param });
  });
});
