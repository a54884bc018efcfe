import type { Script } from '../../../../libs/inference/src/testing/scripted-upstream.js';

export { answers, type Script, ScriptedUpstream } from '../../../../libs/inference/src/testing/scripted-upstream.js';

/** One streamed chunk of a chat completion. */
export function chunk(delta: object | null, rest: object = {}): string {
  const choices = delta === null ? [] : [{ index: 0, delta, logprobs: null, finish_reason: null }];
  return `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'up-model', choices, ...rest })}\n\n`;
}

export const usage = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 };

export const wholeStream = [
  chunk({ role: 'assistant', content: '' }, { usage: null }),
  chunk({ content: 'Hello' }, { usage: null }),
  chunk({ content: ' there' }, { usage: null }),
  chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: null }),
  chunk(null, { usage }),
  'data: [DONE]\n\n',
];

/** Answers with events, a moment between them. */
export function streams(events: readonly string[], delayMs = 2): Script {
  return async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'req_up', 'set-cookie': 'a=b' });
    for (const event of events) {
      response.write(event);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
    response.end();
  };
}
