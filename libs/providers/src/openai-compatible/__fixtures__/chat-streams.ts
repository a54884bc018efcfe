/** Streamed answers in the shapes that vendors send them, trimmed. What the caller must get is beside each. */
export interface RecordedStream {
  readonly name: string;
  /** As the upstream sends it for `stream_options.include_usage`. */
  readonly upstream: string;
  readonly upstreamModel: string;
  /** Texts of all choices, one after another as they came. */
  readonly text: string;
  readonly usage: Record<string, number>;
  readonly finishReason: string;
  /** Events that only carry usage: withheld where nobody asked. */
  readonly usageOnlyEvents: number;
}

const event = (data: object | string, lineEnd = '\n') =>
  `data: ${typeof data === 'string' ? data : JSON.stringify(data)}${lineEnd}${lineEnd}`;

const openAiChunk = (delta: object, rest: object = {}) => ({
  id: 'chatcmpl-9aB3',
  object: 'chat.completion.chunk',
  created: 1_760_000_000,
  model: 'gpt-4o-mini-2024-07-18',
  service_tier: 'default',
  system_fingerprint: 'fp_0123456789',
  choices: [{ index: 0, delta, logprobs: null, finish_reason: null }],
  usage: null,
  obfuscation: 'q7Zk',
  ...rest,
});

const openAi: RecordedStream = {
  name: 'OpenAI, with multi-byte text and a quoted model in the answer',
  upstreamModel: 'gpt-4o-mini-2024-07-18',
  upstream: [
    event(openAiChunk({ role: 'assistant', content: '', refusal: null })),
    event(openAiChunk({ content: 'Grüße 👋🏽' })),
    event(openAiChunk({ content: ' say "model":"gpt-4o-mini-2024-07-18"\n' })),
    event(openAiChunk({ content: '終' })),
    event(openAiChunk({}, { choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }] })),
    event(
      openAiChunk(
        {},
        {
          choices: [],
          usage: {
            prompt_tokens: 20,
            completion_tokens: 12,
            total_tokens: 32,
            prompt_tokens_details: { cached_tokens: 8, audio_tokens: 0 },
            completion_tokens_details: { reasoning_tokens: 5, accepted_prediction_tokens: 0 },
          },
        },
      ),
    ),
    event('[DONE]'),
  ].join(''),
  text: 'Grüße 👋🏽 say "model":"gpt-4o-mini-2024-07-18"\n終',
  usage: { input: 12, input_cached: 8, output: 7, reasoning: 5 },
  finishReason: 'stop',
  usageOnlyEvents: 1,
};

const tools: RecordedStream = {
  name: 'two choices, one calling tools, with CRLF and comments between',
  upstreamModel: 'llama-3.3-70b',
  upstream: [
    ': processing\r\n\r\n',
    event({ model: 'llama-3.3-70b', choices: [{ index: 0, delta: { role: 'assistant', content: 'A' } }] }, '\r\n'),
    ':\r\n\r\n',
    event({ model: 'llama-3.3-70b', choices: [{ index: 1, delta: { content: 'B' } }] }, '\r\n'),
    event(
      {
        choices: [
          {
            index: 1,
            delta: { tool_calls: [{ index: 0, id: 'c1', function: { name: 'f', arguments: '{"é":' } }] },
          },
        ],
        model: 'llama-3.3-70b',
      },
      '\r\n',
    ),
    event({ choices: [{ index: 1, delta: { tool_calls: [{ index: 0, function: { arguments: '1}' } }] } }] }, '\r\n'),
    event({ model: 'llama-3.3-70b', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }, '\r\n'),
    event(
      {
        model: 'llama-3.3-70b',
        choices: [{ index: 1, delta: {}, finish_reason: 'tool_calls' }],
        usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
      },
      '\r\n',
    ),
    event('[DONE]', '\r\n'),
  ].join(''),
  text: 'AB{"é":1}',
  usage: { input: 3, output: 4 },
  finishReason: 'tool_calls',
  usageOnlyEvents: 0,
};

const spaced: RecordedStream = {
  name: 'a Python server: spaces in the JSON, a first chunk without a model, reasoning, no [DONE]',
  upstreamModel: 'local',
  upstream: [
    'data: {"id": "1", "model": "", "choices": [], "prompt_filter_results": []}\n\n',
    'data: {"id": "1", "model": "local", "choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]}\n\n',
    'data:{"id": "1", "model": "local", "choices": [{"index": 0, "delta": {"content": "\\ud83d\\ude00"}}]}\n\n',
    'data: {"id": "1", "model": "local", "choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}\n\n',
    'data: {"id": "1", "model": "local", "choices": [ ], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}\n\n',
  ].join(''),
  text: 'hm😀',
  usage: { input: 1, output: 2 },
  finishReason: 'length',
  usageOnlyEvents: 1,
};

export const recordedStreams: readonly RecordedStream[] = [openAi, tools, spaced];
