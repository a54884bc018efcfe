import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { audioSpeech } from '#libs/contracts';
import { answers, type Script, ScriptedUpstream } from '../../../libs/inference/src/testing/scripted-upstream.js';
import { WorkerBench } from '../../../libs/inference/src/testing/worker-bench.js';
import { audioApp } from './audio-app.js';

const upstream = new ScriptedUpstream();
let bench: WorkerBench;

const scripts = ['good', 'slow', 'breaks', 'error200', 'hidden', 'sse', 'cut', 'fails', 'empty', 'json', 'second'];
const perCharacter = { characters: '15' };
const perToken = { input: '0.60', output_audio: '12' };

beforeAll(async () => {
  const url = await upstream.listen();
  const timeouts = { firstByteMs: 2000, idleMs: 2000 };
  const provider = (name: string) => ({ preset: 'openai-compatible', baseUrl: `${url}/${name}/v1`, timeouts });
  const model = (id: string, names: readonly string[], price: object) => ({
    id,
    deployments: names.map((name) => ({ provider: name, model: 'up-tts', price })),
  });
  bench = await WorkerBench.start(audioApp, {
    providers: Object.fromEntries(scripts.map((name) => [name, provider(name)])),
    models: [
      ...scripts.map((name) => model(name, [name], perCharacter)),
      ...['good', 'sse', 'cut'].map((name) => model(`${name}-tokens`, [name], perToken)),
      model('error200-then-second', ['error200', 'second'], perCharacter),
      { ...model('by-second', ['empty'], { seconds: '1' }), endpoints: [audioSpeech.id] },
      {
        id: 'by-second-then-good',
        deployments: [
          { provider: 'empty', model: 'up-tts', price: { seconds: '1' } },
          { provider: 'good', model: 'up-tts', price: perCharacter },
        ],
      },
    ],
  });
});

afterAll(async () => {
  await bench.stop();
  upstream.close();
});

const audio = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));

function plays(bytes: Buffer, type = 'audio/mpeg'): Script {
  return (response) => void response.writeHead(200, { 'content-type': type }).end(bytes);
}

function events(list: readonly object[]): Script {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(list.map((event) => `event: x\ndata: ${JSON.stringify(event)}\n\n`).join(''));
  };
}

const delta = (text: string) => ({ type: 'speech.audio.delta', audio: Buffer.from(text).toString('base64') });
const done = {
  type: 'speech.audio.done',
  usage: { input_tokens: 14, output_tokens: 101, total_tokens: 115 },
};

/** Calls as ingress does. */
function say(model: string, rest: Record<string, unknown> = {}, call: object = {}) {
  const body = { voice: 'alloy', model, input: 'Grüße 👋', ...rest };
  const facts = {
    characters: 7,
    ...('response_format' in body && { responseFormat: body.response_format }),
    streamFormat: body['stream_format' as keyof typeof body] ?? 'audio',
  } as Record<string, string | number>;
  const requestId = bench.nextRequestId();
  return bench
    .call({ endpoint: audioSpeech, body, facts, requestId, ...call })
    .then((reply) => ({ ...reply, requestId }));
}

function eventsIn(body: string): { type: string; [key: string]: unknown }[] {
  return body
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => JSON.parse(block.replace(/^(?:event: error\n)?data: /, '')) as { type: string });
}

describe('speech on an OpenAI-shaped upstream', () => {
  it('asks nobody who could not be charged for it', async () => {
    upstream.script('good', plays(audio));
    const before = upstream.of('empty').length;
    const refused = await say('by-second').catch((error: unknown) => error);
    expect(JSON.stringify(refused)).toContain('model_not_priced');
    const { status } = await say('by-second-then-good');
    expect(status).toBe(200);
    expect(upstream.of('empty')).toHaveLength(before);
  });

  it('passes the bytes on, splices the model and nothing else, and charges characters', async () => {
    upstream.script('good', plays(audio));
    const reply = await say('good', { speed: 1.25, custom: [1, 2] });
    expect(reply.status).toBe(200);
    expect(reply.headers['content-type']).toBe('audio/mpeg');
    expect(reply.bytes.equals(audio)).toBe(true);
    expect(JSON.parse(upstream.of('good')[0]!.body)).toEqual({
      voice: 'alloy',
      model: 'up-tts',
      input: 'Grüße 👋',
      speed: 1.25,
      custom: [1, 2],
    });
    expect(bench.eventsOf(reply.requestId)).toMatchObject([
      { outcome: 'done', usage: { characters: 7 }, usage_source: 'counted', content_delivered: true },
    ]);
  });

  it('passes the first bytes on before the upstream has made the last', async () => {
    const heard = Promise.withResolvers<void>();
    let lastSent = false;
    upstream.script('slow', async (response) => {
      response.writeHead(200, { 'content-type': 'audio/mpeg' });
      response.write(audio.subarray(0, 1000));
      await heard.promise;
      lastSent = true;
      response.end(audio.subarray(1000));
    });
    let first: boolean | undefined;
    const reply = await say(
      'slow',
      {},
      {
        onData: (data: Uint8Array) => {
          first ??= !lastSent;
          heard.resolve();
          return data.length;
        },
      },
    );
    expect(first).toBe(true);
    expect(reply.bytes.equals(audio)).toBe(true);
  });

  it.each([
    ['opus', 'audio/opus'],
    ['aac', 'audio/aac'],
    ['flac', 'audio/flac'],
    ['wav', 'audio/wav'],
    ['pcm', 'audio/pcm'],
  ])('names the type of %s where the upstream does not', async (format, type) => {
    upstream.script('good', plays(audio, 'application/octet-stream'));
    const reply = await say('good', { response_format: format });
    expect(reply.headers['content-type']).toBe(type);
  });

  it('fails the call when the audio breaks off, and charges what was delivered', async () => {
    upstream.script('breaks', (response) => {
      response.writeHead(200, { 'content-type': 'audio/mpeg', 'content-length': String(audio.length) });
      response.write(audio.subarray(0, 5000), () => setTimeout(() => response.destroy(), 20));
    });
    const reply = await say('breaks');
    expect(reply.bytes.length).toBe(5000);
    expect(reply.error?.gateway).toMatchObject({ code: 'upstream_interrupted' });
    expect(reply.trailer).toBeUndefined();
    expect(bench.eventsOf(reply.requestId)).toMatchObject([{ outcome: 'truncated', usage: { characters: 7 } }]);
  });

  it('takes no error with status 200 for audio, and asks the next provider', async () => {
    upstream.script('error200', answers(200, { error: { message: 'no such voice', type: 'server_error' } }));
    upstream.script('second', plays(audio));
    const reply = await say('error200-then-second');
    expect(reply.bytes.equals(audio)).toBe(true);
    expect(upstream.of('error200')).toHaveLength(1);
    upstream.script('hidden', plays(Buffer.from('{"error":{"message":"busy"}}'), 'application/octet-stream'));
    const hidden = await say('hidden');
    expect(hidden.status).toBeUndefined();
    expect(hidden.error?.gateway).toMatchObject({ code: 'upstream_error' });
    expect(bench.eventsOf(hidden.requestId)).toMatchObject([{ outcome: 'upstream_error', usage: {} }]);
  });

  it('takes an empty answer for a failure', async () => {
    upstream.script('empty', plays(Buffer.alloc(0)));
    const reply = await say('empty');
    expect(reply.error?.gateway).toMatchObject({ code: 'upstream_error' });
  });

  it('stops the upstream when the caller leaves', async () => {
    const started = Promise.withResolvers<void>();
    upstream.script('slow', (response) => {
      response.writeHead(200, { 'content-type': 'audio/mpeg' });
      response.write(audio.subarray(0, 1000), () => started.resolve());
    });
    const reply = await say(
      'slow',
      {},
      {
        onData: (data: Uint8Array, handle: { cancel(reason: string): void }) => {
          handle.cancel('left');
          return data.length;
        },
      },
    );
    await upstream.of('slow')[0]!.aborted;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(bench.eventsOf(reply.requestId)).toMatchObject([{ outcome: 'client_abort', usage: { characters: 7 } }]);
  });
});

describe('speech as events', () => {
  it('passes events on, and reads the usage beside them', async () => {
    upstream.script('sse', events([delta('one'), delta('two'), done]));
    const reply = await say('sse-tokens', { stream_format: 'sse' });
    expect(reply.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(eventsIn(reply.body)).toEqual([delta('one'), delta('two'), done]);
    expect(bench.eventsOf(reply.requestId)).toMatchObject([
      { usage: { input: 14, output_audio: 101 }, measured: { characters: 7 }, usage_source: 'provider' },
    ]);
  });

  it('charges characters where the price has them, whatever is reported', async () => {
    upstream.script('sse', events([delta('one'), done]));
    const reply = await say('sse', { stream_format: 'sse' });
    expect(bench.eventsOf(reply.requestId)).toMatchObject([
      { usage: { characters: 7 }, measured: { input: 14, output_audio: 101 }, usage_source: 'counted' },
    ]);
  });

  it('counts what cannot be true itself', async () => {
    const usage = { input_tokens: 14, output_tokens: 9e8, total_tokens: 9e8 };
    upstream.script('sse', events([delta('one'), { ...done, usage }]));
    const reply = await say('sse-tokens', { stream_format: 'sse' });
    expect(bench.eventsOf(reply.requestId)).toMatchObject([
      { usage: { input: 3, output_audio: 1 }, measured: { characters: 7 }, usage_source: 'estimated' },
    ]);
    // The caller is shown what is charged.
    const shown = { input_tokens: 3, output_tokens: 1, total_tokens: 4 };
    expect(eventsIn(reply.body)).toEqual([delta('one'), { ...done, usage: shown }]);
  });

  it('says in-band that a stream without its end is cut short', async () => {
    upstream.script('cut', events([delta('one')]));
    const reply = await say('cut-tokens', { stream_format: 'sse' });
    const [first, error] = eventsIn(reply.body);
    expect(first).toEqual(delta('one'));
    expect(error).toMatchObject({ error: { code: 'upstream_interrupted' } });
    expect(reply.body).toContain('\n\nevent: error\ndata: {"error":');
    expect(bench.eventsOf(reply.requestId)).toMatchObject([{ outcome: 'truncated', usage_source: 'estimated' }]);
  });

  it('fails before content when the first event is an error', async () => {
    upstream.script('sse', events([{ type: 'error', error: { message: 'overloaded', code: '503' } }]));
    const reply = await say('sse', { stream_format: 'sse' });
    expect(reply.status).toBeUndefined();
    expect(reply.error?.gateway).toMatchObject({ code: 'provider_unavailable' });
  });

  it('makes events of the bytes of an upstream that knows none', async () => {
    upstream.script('good', plays(audio));
    const reply = await say('good-tokens', { stream_format: 'sse' });
    const parts = eventsIn(reply.body);
    const deltas = parts.filter(({ type }) => type === 'speech.audio.delta');
    expect(Buffer.concat(deltas.map((part) => Buffer.from(String(part['audio']), 'base64'))).equals(audio)).toBe(true);
    // 200,000 bytes of mp3 at 16,000 a second are 12.5 seconds, with 20 tokens each; 11 bytes of text are 3 tokens.
    const usage = { input_tokens: 3, output_tokens: 250, total_tokens: 253 };
    expect(parts.at(-1)).toEqual({ type: 'speech.audio.done', usage });
    expect(bench.eventsOf(reply.requestId)).toMatchObject([
      { usage: { input: 3, output_audio: 250 }, usage_source: 'estimated' },
    ]);
  });
});
