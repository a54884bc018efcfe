import { describe, expect, it } from '@jest/globals';
import { chatCompletionRequest, hasOversizeTool, maxToolBytes } from './chat-completions.js';

const user = { role: 'user', content: 'hi' };
const good = { model: 'm', messages: [user] };
/** Place of the first problem, or undefined when there is none. */
const problemAt = (changes: object): string | undefined =>
  chatCompletionRequest.safeParse({ ...good, ...changes }).error?.issues[0]?.path.join('.');

describe('chatCompletionRequest', () => {
  it('lets everything pass that OpenAI may add, unchanged', () => {
    const request = {
      ...good,
      foo: { bar: [null] },
      service_tier: 'warp',
      reasoning_effort: 'extreme',
      modalities: ['smell'],
      tool_choice: { type: 'allowed_tools', tools: [] },
      tools: [{ type: 'custom', custom: { name: 'a', format: { type: 'grammar' } } }],
      response_format: { type: 'of_the_future' },
      stream_options: { include_usage: true, include_obfuscation: false },
      stream: true,
    };
    expect(chatCompletionRequest.parse(request)).toEqual(request);
  });

  it.each([
    'stream',
    'stream_options',
    'max_tokens',
    'max_completion_tokens',
    'temperature',
    'n',
    'tools',
    'response_format',
    'metadata',
    'user',
  ])('takes null for %s', (name) => expect(problemAt({ [name]: null })).toBeUndefined());

  it.each([
    [
      {
        messages: [
          { role: 'developer', content: 'a' },
          { role: 'system', content: [] },
          { role: 'function', name: 'f', content: null },
        ],
      },
    ],
    [
      {
        messages: [
          user,
          { role: 'assistant', tool_calls: [] },
          { role: 'assistant', content: null },
          { role: 'tool', tool_call_id: 'a', content: 'b' },
        ],
      },
    ],
    [
      {
        messages: [
          {
            role: 'user',
            content: ['text', 'image_url', 'input_audio', 'file', 'refusal', 'video_url'].map((type) => ({ type })),
          },
        ],
      },
    ],
    [{ temperature: 0, n: 128, max_tokens: 1 }],
    [{ temperature: 2, max_completion_tokens: 2 ** 53 - 1 }],
    [
      {
        metadata: Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`k${index}`, 'v'.repeat(512)])),
        user: 'u'.repeat(512),
      },
    ],
    [
      {
        response_format: {
          type: 'json_schema',
          json_schema: { schema: { $ref: '#/$defs/a', properties: { $ref: { type: 'string' } } } },
        },
      },
    ],
    [{ response_format: { type: 'text', $ref: 'http://a' } }],
  ])('takes %#', (changes) => expect(problemAt(changes)).toBeUndefined());

  it.each([
    [{ messages: [user, 'x'] }, 'messages.1'],
    [{ messages: [{ content: 'x' }] }, 'messages.0.role'],
    [{ messages: [{ role: 'user' }] }, 'messages.0.content'],
    [{ messages: [{ role: 'user', content: null }] }, 'messages.0.content'],
    [{ messages: [user, { role: 'tool', content: 'x' }] }, 'messages.1.tool_call_id'],
    [{ messages: [{ role: 'user', content: [{ type: 'text' }, 'x'] }] }, 'messages.0.content.1'],
    [{ messages: [{ role: 'user', content: [{ type: 'text' }, { type: 'x' }] }] }, 'messages.0.content.1.type'],
    [{ stream: 1 }, 'stream'],
    [{ stream: true, stream_options: [] }, 'stream_options'],
    [{ stream: true, stream_options: { include_usage: 'yes' } }, 'stream_options.include_usage'],
    [{ stream: false, stream_options: {} }, 'stream_options'],
    [{ tools: [{}] }, 'tools.0.type'],
    [{ response_format: 'json' }, 'response_format'],
    [{ response_format: { type: 'json_schema', a: [[{ $ref: 'file:///etc/passwd' }]] } }, 'response_format'],
    [{ metadata: [] }, 'metadata'],
    [{ metadata: { ['k'.repeat(65)]: 'v' } }, 'metadata'],
    [{ litellm_x: 1 }, 'litellm_x'],
  ])('refuses %#', (changes, place) => expect(problemAt(changes)).toBe(place));

  it('survives a schema that nests deeply', () => {
    let schema: object = { $ref: 'http://a' };
    for (let depth = 0; depth < 5_000; depth++) schema = { a: schema };
    expect(problemAt({ response_format: { type: 'json_schema', schema } })).toBe('response_format');
  });
});

describe('hasOversizeTool', () => {
  it('measures each tool by itself', () => {
    const tool = (bytes: number) => ({ type: 'function', function: { description: 'x'.repeat(bytes) } });
    expect(hasOversizeTool(undefined)).toBe(false);
    expect(hasOversizeTool([tool(40_000), tool(40_000)])).toBe(false);
    expect(hasOversizeTool([tool(10), tool(maxToolBytes)])).toBe(true);
  });
});
