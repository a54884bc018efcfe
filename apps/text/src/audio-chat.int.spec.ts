import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { answers, chunk, ScriptedUpstream, streams } from './testing/scripted-upstream.js';
import { type CallOptions, TextWorker } from './testing/text-worker.js';

const upstream = new ScriptedUpstream();
let worker: TextWorker;

const price = { input: '2.5', output: '10', input_audio: '40', output_audio: '80' };

beforeAll(async () => {
  const url = await upstream.listen();
  const names = ['speaks', 'silent', 'breaks'];
  worker = await TextWorker.start({
    providers: Object.fromEntries(
      names.map((name) => [name, { preset: 'openai-compatible', baseUrl: `${url}/${name}/v1` }]),
    ),
    models: names.map((name) => ({ id: name, deployments: [{ provider: name, model: 'up-model', price }] })),
  });
});

afterAll(async () => {
  await worker.stop();
  upstream.close();
});

const sound = 'UklGRg=='.repeat(800);
const request = {
  modalities: ['text', 'audio'],
  audio: { voice: 'alloy', format: 'pcm16' },
  messages: [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What is said?' },
        { type: 'input_audio', input_audio: { data: sound, format: 'wav' } },
      ],
    },
  ],
};
/** Of a second of sound: half of it heard, half of it said. */
const usage = {
  ...{ prompt_tokens: 30, completion_tokens: 25, total_tokens: 55 },
  prompt_tokens_details: { audio_tokens: 20, text_tokens: 10, cached_tokens: 0 },
  completion_tokens_details: { audio_tokens: 20, text_tokens: 5, reasoning_tokens: 0 },
};
const events = [
  chunk({ role: 'assistant', audio: { id: 'audio_1', data: sound } }),
  chunk({ audio: { data: sound } }),
  chunk({ audio: { transcript: 'Hello' } }),
  chunk({ audio: { expires_at: 1_700_000_000 } }),
  chunk(null, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
];
const done = 'data: [DONE]\n\n';

async function ask(model: string, rest: Record<string, unknown> = {}, options: CallOptions = {}) {
  const requestId = worker.nextRequestId();
  const reply = await worker.call({ ...request, model, ...rest }, { requestId, ...options });
  return { ...reply, attempts: worker.eventsOf(requestId) };
}

const dataOf = (body: string) => body.split('\n\n').filter((block) => block.startsWith('data: {'));

describe('a chat that speaks', () => {
  it('passes sound in both directions, byte for byte, and is charged by its kinds of tokens', async () => {
    const message = {
      role: 'assistant',
      content: null,
      audio: { id: 'audio_1', data: sound, transcript: 'Hello', expires_at: 1 },
    };
    const answer = {
      id: 'c',
      object: 'chat.completion',
      created: 1,
      model: 'up-model',
      choices: [{ index: 0, message, finish_reason: 'stop' }],
      usage,
    };
    upstream.script('speaks', answers(200, answer));
    const { status, body, attempts, headers } = await ask('speaks');
    expect([status, JSON.parse(body)]).toEqual([200, { ...answer, model: 'speaks' }]);
    expect(JSON.parse(upstream.of('speaks')[0]!.body)).toEqual({ ...request, model: 'up-model' });
    const metered = { input: 10, input_audio: 20, output: 5, output_audio: 20 };
    expect(attempts).toMatchObject([
      { outcome: 'done', usage: metered, usage_source: 'provider', content_delivered: true },
    ]);
    // 10 × 2.5 + 20 × 40 + 5 × 10 + 20 × 80 dollars a million
    expect(headers['x-modapi-cost-nano-usd']).toBe('2475000');
  });

  it('streams it', async () => {
    upstream.script('speaks', streams([...events, chunk(null, { usage }), done]));
    const { body, attempts } = await ask('speaks', { stream: true, stream_options: { include_usage: true } });
    expect(dataOf(body)).toEqual(
      [...events, chunk(null, { usage })].map((event) => event.trim().replace('up-model', 'speaks')),
    );
    expect(body.endsWith(done)).toBe(true);
    expect(attempts).toMatchObject([
      { outcome: 'done', usage: { input: 10, input_audio: 20, output: 5, output_audio: 20 }, usage_source: 'provider' },
    ]);
  });

  it('is content from its first sound: what breaks after it was delivered, and is charged', async () => {
    upstream.script('breaks', async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(events[0]);
      await new Promise((resolve) => setTimeout(resolve, 30));
      response.destroy();
    });
    const { body, attempts } = await ask('breaks', { stream: true });
    expect(dataOf(body)[0]).toContain(sound);
    expect(body).toContain('"upstream_interrupted"');
    expect(attempts).toMatchObject([{ outcome: 'truncated', content_delivered: true, usage_source: 'estimated' }]);
  });

  it('is estimated by its length when nobody reports usage', async () => {
    upstream.script('silent', streams([...events.slice(0, 2), ...events.slice(4), done]));
    const { attempts } = await ask('silent', { stream: true });
    // 12,800 characters of base64, and no word
    expect(attempts).toMatchObject([{ outcome: 'done', usage_source: 'estimated', usage: { output: 4 } }]);
  });

  it('does not believe a report of nothing when sound was delivered', async () => {
    const nothing = { prompt_tokens: 30, completion_tokens: 0, total_tokens: 30 };
    upstream.script(
      'silent',
      streams([...events.slice(0, 2), ...events.slice(4), chunk(null, { usage: nothing }), done]),
    );
    const { attempts } = await ask('silent', { stream: true });
    expect(attempts).toMatchObject([{ usage_source: 'estimated', usage: { output: 4 } }]);
  });
});
