import { goodBody, type HttpCase, user } from './http-case.js';

const json = JSON.stringify(goodBody);
const invalid = (param: string) => ({ status: 400, code: 'invalid_value', param }) as const;
const good = (changes: object) => ({ body: { ...goodBody, ...changes } });
const raw = (changes: string) => ({ body: `${json.slice(0, -1)},${changes}}` });
const content = (...parts: object[]) => good({ messages: [{ role: 'user', content: parts }] });
const missingModel = { status: 400, code: 'missing_required_parameter', param: 'model' } as const;
const noModel = { status: 400, code: 'invalid_type', param: 'model' } as const;
const tool = (size: number) => ({
  type: 'function',
  function: { name: 'f', parameters: { description: 'x'.repeat(size) } },
});
const forbidden = [
  'api_base',
  'base_url',
  'api_key',
  'organization',
  'headers',
  'extra_headers',
  'user_api_key_hash',
  'litellm_params',
];
const schemaFormat = {
  type: 'json_schema',
  json_schema: { name: 'a', schema: { anyOf: [{ $ref: 'http://127.0.0.1/x' }] } },
};

/** Values of the request's own parameters. */
export const parameterCases: readonly HttpCase[] = [
  { row: 48, what: 'no model', body: { messages: [user] }, ...missingModel },
  { row: 48, what: 'model null', ...good({ model: null }), ...missingModel },
  { row: 48, what: 'model ""', ...good({ model: '' }), ...missingModel },
  ...[7, 'm'.repeat(300), 'a\nb'].map((model) => ({
    row: 48,
    what: `model ${String(model).slice(0, 5)}`,
    ...good({ model }),
    ...noModel,
  })),
  {
    row: 49,
    what: 'unknown model',
    ...good({ model: 'gpt-none' }),
    status: 404,
    code: 'model_not_found',
    param: 'model',
  },
  {
    row: 50,
    what: 'model without a price',
    ...good({ model: 'unpriced' }),
    status: 503,
    code: 'model_not_priced',
    param: 'model',
    answer: { 'x-should-retry': 'false' },
  },
  {
    row: 51,
    what: 'an image model',
    ...good({ model: 'only-images' }),
    status: 400,
    code: 'model_not_supported',
    param: 'model',
  },
  ...[undefined, [], {}, 'x', Array.from({ length: 10_001 }, () => user)].map((messages, index) => ({
    row: 52,
    what: `messages ${index}`,
    ...good({ messages }),
    ...invalid('messages'),
  })),
  {
    row: 53,
    what: 'role root',
    ...good({ messages: [user, user, user, { role: 'root', content: '' }] }),
    ...invalid('messages[3].role'),
  },
  {
    row: 53,
    what: 'content 7',
    ...good({ messages: [{ role: 'user', content: 7 }] }),
    ...invalid('messages[0].content'),
  },
  {
    row: 53,
    what: 'tool without tool_call_id',
    ...good({ messages: [{ role: 'tool', content: 'a' }] }),
    ...invalid('messages[0].tool_call_id'),
  },
  {
    row: 54,
    what: 'unknown part',
    ...content({ type: 'text', text: 'a' }, { type: 'hologram' }),
    ...invalid('messages[0].content[1].type'),
  },
  {
    row: 55,
    what: 'half a surrogate pair',
    body: '{"model":"gpt-test","messages":[{"role":"user","content":"\\ud800"}]}',
    status: 400,
    code: 'invalid_encoding',
    param: 'messages[0].content',
  },
  ...['0', '-1', '1.5', '"10"', '1e400', '9007199254740993', '4097'].map((value) => ({
    row: 57,
    what: `max_tokens ${value}`,
    ...raw(`"max_tokens":${value}`),
    ...invalid('max_tokens'),
  })),
  {
    row: 57,
    what: 'max_completion_tokens 0',
    ...good({ max_completion_tokens: 0 }),
    ...invalid('max_completion_tokens'),
  },
  {
    row: 57,
    what: 'max_tokens beside max_completion_tokens',
    ...good({ max_completion_tokens: 10, max_tokens: 10 }),
    ...invalid('max_tokens'),
  },
  ...[3, 'hot', -0.1].map((temperature) => ({
    row: 58,
    what: `temperature ${temperature}`,
    ...good({ temperature }),
    ...invalid('temperature'),
  })),
  ...[0, 129, 1e9].map((n) => ({ row: 59, what: `n ${n}`, ...good({ n }), ...invalid('n') })),
  { row: 60, what: 'stream "true"', ...good({ stream: 'true' }), status: 400, code: 'invalid_type', param: 'stream' },
  {
    row: 61,
    what: 'stream_options without stream',
    ...good({ stream_options: { include_usage: true } }),
    ...invalid('stream_options'),
  },
  { row: 62, what: '129 tools', ...good({ tools: Array.from({ length: 129 }, () => tool(1)) }), ...invalid('tools') },
  { row: 62, what: 'a tool of 64 KB', ...good({ tools: [tool(65_536)] }), ...invalid('tools') },
  { row: 63, what: 'remote $ref', ...good({ response_format: schemaFormat }), ...invalid('response_format') },
  ...forbidden.map((name) => ({
    row: 65,
    what: name,
    ...good({ [name]: 'x' }),
    status: 400,
    code: 'forbidden_parameter' as const,
    param: name,
  })),
  { row: 68, what: 'user of 10 KB', ...good({ user: 'u'.repeat(10_000) }), ...invalid('user') },
  ...[
    Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v'])),
    { a: 'x'.repeat(10_000) },
    { a: 'x\ny' },
    { a: 1 },
  ].map((metadata, index) => ({ row: 68, what: `metadata ${index}`, ...good({ metadata }), ...invalid('metadata') })),
];
