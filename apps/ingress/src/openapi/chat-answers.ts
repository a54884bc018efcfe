/** What of a provider's answer a caller may rely on; everything else passes as the provider sent it. */
export const chatCompletionResponse = {
  type: 'object',
  required: ['id', 'object', 'created', 'model', 'choices'],
  properties: {
    id: { type: 'string' },
    object: { const: 'chat.completion' },
    created: { type: 'integer', description: 'Unix seconds.' },
    model: { type: 'string', description: 'The id that the request named.' },
    choices: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          index: { type: 'integer' },
          finish_reason: { type: ['string', 'null'] },
          logprobs: { type: ['object', 'null'] },
          message: {
            type: 'object',
            properties: {
              role: { type: 'string' },
              content: { type: ['string', 'null'] },
              refusal: { type: ['string', 'null'] },
              tool_calls: { type: 'array', items: { type: 'object' } },
            },
          },
        },
      },
    },
    usage: {
      type: 'object',
      properties: {
        prompt_tokens: { type: 'integer' },
        completion_tokens: { type: 'integer' },
        total_tokens: { type: 'integer' },
      },
    },
  },
};

export const chatCompletionStream = {
  type: 'string',
  description: [
    'With `stream: true`: server-sent events without event names. Each `data:` line holds a `chat.completion.chunk` as',
    'JSON: the same `id`, `created` and `model` on all, `choices[].delta` with what is new, `finish_reason` on the last of',
    'a choice. With `stream_options.include_usage: true` one more chunk has `choices: []` and `usage`. A whole answer ends',
    'with `data: [DONE]`. If it breaks off, the last event is `data: {"error": {…}, "request_id": "req_…"}` and no',
    '`[DONE]` follows. Lines that begin with `:` are comments that keep the connection open.',
  ].join(' '),
};
