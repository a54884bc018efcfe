import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { audioTranscriptions, audioTranslations } from '#libs/contracts';
import {
  answers,
  type Received,
  type Script,
  ScriptedUpstream,
} from '../../../libs/inference/src/testing/scripted-upstream.js';
import { WorkerBench } from '../../../libs/inference/src/testing/worker-bench.js';
import { audioApp } from './audio-app.js';

const upstream = new ScriptedUpstream();
/** Reads the beginning of a body and then waits. */
const stuck = createServer((request) => {
  request.on('error', () => undefined);
  request.once('data', () => {
    request.pause();
    halfSent.resolve(request);
  });
});
/** Answers before it has read anything. */
const hasty = createServer((request, response) => {
  request.on('error', () => undefined);
  response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{"message":"no"}}');
});
const halfSent = Promise.withResolvers<IncomingMessage>();
let bench: WorkerBench;

const scripts = ['good', 'down', 'stream', 'whole', 'cut'];
const perSecond = { seconds: '0.0001' };
const perToken = { input: '2.5', output: '10', input_audio: '6' };

beforeAll(async () => {
  const url = await upstream.listen();
  stuck.listen(0, '127.0.0.1');
  hasty.listen(0, '127.0.0.1');
  await Promise.all([once(stuck, 'listening'), once(hasty, 'listening')]);
  const provider = (name: string, preset = 'openai-compatible') => ({
    preset,
    baseUrl: `${url}/${name}/v1`,
    apiKey: 'env:UPSTREAM_KEY',
  });
  const model = (id: string, names: readonly string[], price: object) => ({
    id,
    deployments: names.map((name) => ({ provider: name, model: 'whisper-up', price })),
  });
  bench = await WorkerBench.start(
    audioApp,
    {
      providers: {
        ...Object.fromEntries(scripts.map((name) => [name, provider(name)])),
        poor: provider('poor', 'groq'),
        poorest: provider('poorest', 'openrouter'),
        hasty: { preset: 'openai-compatible', baseUrl: `http://127.0.0.1:${(hasty.address() as AddressInfo).port}/v1` },
        nowhere: { preset: 'openai-compatible', baseUrl: 'http://127.0.0.1:1/v1' },
        stuck: { preset: 'openai-compatible', baseUrl: `http://127.0.0.1:${(stuck.address() as AddressInfo).port}/v1` },
      },
      models: [
        ...[...scripts, 'poor', 'poorest', 'stuck'].map((name) => model(name, [name], perSecond)),
        ...['good', 'stream', 'cut'].map((name) => model(`${name}-tokens`, [name], perToken)),
        model('down-then-good', ['down', 'good'], perSecond),
        model('hasty-then-good', ['hasty', 'good'], perSecond),
        model('nowhere-then-good', ['nowhere', 'good'], perSecond),
      ],
    },
    { UPSTREAM_KEY: 'sk-upstream-credential' },
  );
});

afterAll(async () => {
  await bench.stop();
  upstream.close();
  for (const server of [stuck, hasty]) {
    server.close();
    server.closeAllConnections();
  }
});

const song = randomBytes(300_000);

interface Asked {
  readonly fields?: readonly { name: string; value: string }[];
  readonly seconds?: number | null;
  readonly stream?: boolean;
  readonly endpoint?: typeof audioTranscriptions;
  readonly bytes?: Buffer;
  onStart?(handle: { cancel(reason: string): void }): void;
}

/** Calls as ingress does. */
async function hear(model: string, { fields = [], seconds = 12, bytes = song, ...asked }: Asked = {}) {
  const requestId = bench.nextRequestId();
  const format = fields.find(({ name }) => name === 'response_format')?.value ?? 'json';
  const reply = await bench.call({
    endpoint: asked.endpoint ?? audioTranscriptions,
    form: {
      fields: [{ name: 'language', value: 'de' }, { name: 'model', value: model }, ...fields],
      files: [{ name: 'file', filename: 'lied.mp3', contentType: 'audio/mpeg', bytes }],
    },
    facts: { responseFormat: format, ...(seconds !== null && { seconds }) },
    stream: asked.stream ?? false,
    requestId,
    ...(asked.onStart && { onStart: asked.onStart }),
  });
  return { ...reply, requestId, events: () => bench.eventsOf(requestId) };
}

function format(value: string) {
  return [{ name: 'response_format', value }];
}

function formOf({ bytes, headers }: Received): Promise<FormData> {
  return new Response(Buffer.from(bytes), { headers: { 'content-type': headers['content-type']! } }).formData();
}

function streams(list: readonly object[]): Script {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(list.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
  };
}

const tokens = {
  type: 'tokens',
  input_tokens: 14,
  input_token_details: { text_tokens: 10, audio_tokens: 4 },
  output_tokens: 101,
  total_tokens: 115,
};
const verbose = {
  task: 'transcribe',
  language: 'german',
  duration: 11.2,
  text: 'Hallo Welt. Und <tschüss>!',
  segments: [
    { id: 0, start: 0, end: 1.5, text: ' Hallo Welt.' },
    { id: 1, start: 1.5, end: 2.9996, text: ' Und <tschüss>!' },
  ],
};

describe('transcriptions on an OpenAI-shaped upstream', () => {
  it('sends the same fields and exactly the bytes of the file, with the model replaced', async () => {
    upstream.script('good', answers(200, { text: 'Hallo', usage: { type: 'duration', seconds: 11.2 } }));
    const reply = await hear('good', { fields: [{ name: 'prompt', value: 'Ä "quote"' }, ...format('json')] });
    const [received] = upstream.of('good');
    expect(received!.path).toBe('/good/v1/audio/transcriptions');
    expect(received!.headers).toMatchObject({
      authorization: 'Bearer sk-upstream-credential',
      'content-length': String(received!.bytes.length),
    });
    const form = await formOf(received!);
    expect([...form.entries()].slice(0, 4)).toEqual([
      ['language', 'de'],
      ['model', 'whisper-up'],
      ['prompt', 'Ä "quote"'],
      ['response_format', 'json'],
    ]);
    const file = form.get('file') as File;
    expect([file.name, file.type]).toEqual(['lied.mp3', 'audio/mpeg']);
    expect(Buffer.from(await file.arrayBuffer()).equals(song)).toBe(true);
    expect(reply.headers['content-type']).toBe('application/json');
    expect(JSON.parse(reply.body)).toEqual({ text: 'Hallo', usage: { type: 'duration', seconds: 11.2 } });
    expect(reply.events()).toMatchObject([{ usage: { seconds: 12 }, usage_source: 'provider' }]);
    expect(reply.headers['x-modapi-cost-nano-usd']).toBe('1200000');
  });

  it('sends the body again to the second provider after a 500 of the first', async () => {
    upstream.script('down', answers(500, { error: { message: 'broken' } }));
    upstream.script('good', answers(200, { text: 'Hallo' }));
    const reply = await hear('down-then-good');
    expect(JSON.parse(reply.body)).toEqual({ text: 'Hallo', usage: { type: 'duration', seconds: 12 } });
    const files = await Promise.all(
      ['down', 'good'].map(async (name) => {
        const form = await formOf(upstream.of(name)[0]!);
        return Buffer.from(await (form.get('file') as File).arrayBuffer());
      }),
    );
    expect(files.map((bytes) => bytes.equals(song))).toEqual([true, true]);
    expect(reply.events()).toMatchObject([
      { outcome: 'upstream_error', usage: {} },
      { outcome: 'done', usage: { seconds: 12 }, usage_source: 'counted' },
    ]);
  });

  it('sends the body to the second provider where the first refused without reading it, or is not there', async () => {
    const large = randomBytes(20 * 1024 * 1024);
    for (const model of ['hasty-then-good', 'nowhere-then-good']) {
      upstream.script('good', answers(200, { text: 'Hallo' }));
      const reply = await hear(model, { bytes: large });
      expect(JSON.parse(reply.body)).toMatchObject({ text: 'Hallo' });
      const form = await formOf(upstream.of('good')[0]!);
      expect(Buffer.from(await (form.get('file') as File).arrayBuffer()).equals(large)).toBe(true);
    }
  });

  it('closes the upstream socket when the caller leaves half-way', async () => {
    let leave = () => {};
    const pending = hear('stuck', {
      bytes: randomBytes(20 * 1024 * 1024),
      onStart: (handle) => (leave = () => handle.cancel('left')),
    });
    const received = await halfSent.promise;
    leave();
    const reply = await pending;
    received.resume();
    await new Promise((resolve) => received.once('close', resolve));
    expect(received.complete).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(reply.events()).toMatchObject([{ outcome: 'client_abort', usage: {} }]);
  });

  it.each([
    ['text', 'Hallo Welt.\n'],
    ['srt', '1\n00:00:00,000 --> 00:00:01,500\nHallo\n\n'],
    ['vtt', 'WEBVTT\n\n00:00.000 --> 00:01.500\nHallo\n\n'],
  ])('passes %s on as plain text', async (name, text) => {
    upstream.script('good', answers(200, text, { 'content-type': 'text/plain' }));
    const reply = await hear('good', { fields: format(name) });
    expect(reply.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(reply.body).toBe(text);
    expect(reply.events()).toMatchObject([{ usage: { seconds: 12 }, usage_source: 'counted' }]);
  });

  it('renders subtitles from verbose_json where the provider has none', async () => {
    upstream.script('poor', answers(200, verbose));
    const reply = await hear('poor', { fields: format('vtt') });
    expect(reply.body).toBe(
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHallo Welt.\n\n00:00:01.500 --> 00:00:03.000\nUnd &lt;tschüss&gt;!\n\n',
    );
    const form = await formOf(upstream.of('poor')[0]!);
    expect(form.get('response_format')).toBe('verbose_json');
    const srt = await hear('poor', { fields: format('srt') });
    expect(srt.body).toContain('2\n00:00:01,500 --> 00:00:03,000\nUnd <tschüss>!\n');
    expect(srt.headers['content-type']).toBe('text/plain; charset=utf-8');
  });

  it('writes text of the JSON of a provider that has nothing else', async () => {
    upstream.script('poorest', answers(200, { text: ' Hallo ', usage: { seconds: 11.5, cost: 0.1 } }));
    const reply = await hear('poorest', { fields: format('text') });
    expect(reply.body).toBe('Hallo\n');
    expect((await formOf(upstream.of('poorest')[0]!)).get('response_format')).toBe('json');
    expect(reply.events()).toMatchObject([{ usage: { seconds: 12 }, usage_source: 'provider' }]);
    const srt = await hear('poorest', { fields: format('srt') });
    expect(srt.error?.gateway).toMatchObject({ code: 'unsupported_value', param: 'response_format' });
  });

  it('refuses a format that the provider neither has nor can be rendered', async () => {
    upstream.script('poor', answers(200, verbose));
    const reply = await hear('poor', { fields: format('diarized_json') });
    expect(reply.error?.gateway).toMatchObject({ code: 'unsupported_value', param: 'response_format' });
    expect(upstream.of('poor')).toHaveLength(0);
  });

  it('counts tokens in the units of the price, as reported', async () => {
    upstream.script('good', answers(200, { text: 'Hallo', usage: tokens }));
    const reply = await hear('good-tokens');
    expect(JSON.parse(reply.body)).toEqual({ text: 'Hallo', usage: tokens });
    expect(reply.events()).toMatchObject([
      { usage: { input: 10, input_audio: 4, output: 101 }, usage_source: 'provider' },
    ]);
  });

  it('does not believe more seconds than the audio can have', async () => {
    upstream.script('good', answers(200, { text: 'Hallo', usage: { type: 'duration', seconds: 86_400 } }));
    const reply = await hear('good');
    expect(reply.events()).toMatchObject([{ usage: { seconds: 12 }, usage_source: 'counted' }]);
    // The caller is shown what is charged.
    expect(JSON.parse(reply.body)).toEqual({ text: 'Hallo', usage: { type: 'duration', seconds: 12 } });
  });

  it.each([
    ['diarized_json', answers(200, verbose)],
    ['srt', answers(200, 'Hallo Welt.\n', { 'content-type': 'text/plain' })],
    ['vtt', answers(200, 'Hallo Welt.\n', { 'content-type': 'text/plain' })],
  ])('takes another format than %s for no answer', async (name, script) => {
    upstream.script('good', script);
    const reply = await hear('good', { fields: format(name) });
    expect(reply.error?.gateway).toMatchObject({ code: 'upstream_error' });
    expect(reply.events()).toMatchObject([{ outcome: 'upstream_error', usage: {} }]);
  });

  it('estimates what nobody could measure, and says so', async () => {
    upstream.script('good', answers(200, { text: 'Hallo' }));
    const reply = await hear('good', { seconds: null });
    // 300,000 bytes at 8,000 a second.
    expect(reply.events()).toMatchObject([{ usage: { seconds: 38 }, usage_source: 'estimated' }]);
    expect(JSON.parse(reply.body)).toEqual({ text: 'Hallo' });
  });

  it('takes an error with status 200, or a page, for a failure', async () => {
    upstream.script('good', answers(200, { error: { message: 'busy', code: 503 } }));
    expect((await hear('good')).error?.gateway).toMatchObject({ code: 'provider_unavailable' });
    upstream.script('good', answers(200, '<html>', { 'content-type': 'text/html' }));
    expect((await hear('good', { fields: format('text') })).error?.gateway).toMatchObject({ code: 'upstream_error' });
  });

  it('serves translations in the same way', async () => {
    upstream.script('good', answers(200, { text: 'Hello' }));
    const reply = await hear('good', { endpoint: audioTranslations });
    expect(upstream.of('good')[0]!.path).toBe('/good/v1/audio/translations');
    expect(JSON.parse(reply.body)).toMatchObject({ text: 'Hello' });
    expect(reply.events()).toMatchObject([{ endpoint: 'audio.translations', usage: { seconds: 12 } }]);
  });
});

describe('streamed transcriptions', () => {
  const delta = { type: 'transcript.text.delta', delta: 'Hal' };
  const done = { type: 'transcript.text.done', text: 'Hallo', usage: tokens };
  const asked = { stream: true, fields: [{ name: 'stream', value: 'true' }] };

  it('passes the events on, and reads the usage beside them', async () => {
    upstream.script('stream', streams([delta, done]));
    const reply = await hear('stream-tokens', asked);
    expect(reply.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(reply.body).toBe([delta, done].map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
    expect(reply.events()).toMatchObject([{ usage: { input: 10, input_audio: 4, output: 101 } }]);
  });

  it('says in-band that a stream without its end is cut short', async () => {
    upstream.script('cut', streams([delta]));
    const reply = await hear('cut-tokens', asked);
    expect(reply.body).toContain('"upstream_interrupted"');
    // 12 seconds are 120 tokens of audio; three letters are one of text.
    expect(reply.events()).toMatchObject([
      { outcome: 'truncated', usage: { input_audio: 120, output: 1 }, usage_source: 'estimated' },
    ]);
  });

  it('makes events of a whole answer where the upstream ignores that a stream was asked for', async () => {
    upstream.script('whole', answers(200, { text: 'Hallo' }));
    const reply = await hear('whole', asked);
    expect(reply.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const told = reply.body.split('\n\n').filter((block) => block !== '');
    expect(told.map((block) => JSON.parse(block.replace('data: ', '')) as object)).toEqual([
      { type: 'transcript.text.delta', delta: 'Hallo' },
      { type: 'transcript.text.done', text: 'Hallo' },
    ]);
    expect(reply.events()).toMatchObject([{ usage: { seconds: 12 }, usage_source: 'counted' }]);
  });

  it('makes events of speakers and of plain text, and tells tokens as they are charged', async () => {
    const segments = [{ id: 'seg_1', start: 0, end: 1, text: 'Hallo', speaker: 'A' }];
    const body = { text: 'Hallo', segments, usage: { ...tokens, input_tokens: 900_000_000 } };
    upstream.script('good', answers(200, body));
    const reply = await hear('good-tokens', { ...asked, fields: [...asked.fields, ...format('diarized_json')] });
    expect(eventsIn(reply.body)).toEqual([
      { type: 'transcript.text.delta', delta: 'Hallo' },
      { ...segments[0], type: 'transcript.text.segment' },
      {
        type: 'transcript.text.done',
        text: 'Hallo',
        usage: { type: 'tokens', input_tokens: 120, output_tokens: 2, total_tokens: 122 },
      },
    ]);
    expect(reply.events()).toMatchObject([{ usage: { input_audio: 120, output: 2 }, usage_source: 'estimated' }]);
    upstream.script('whole', answers(200, 'Hallo\n', { 'content-type': 'text/plain' }));
    const plain = await hear('whole', { ...asked, fields: [...asked.fields, ...format('text')] });
    expect(eventsIn(plain.body)).toEqual([
      { type: 'transcript.text.delta', delta: 'Hallo' },
      { type: 'transcript.text.done', text: 'Hallo' },
    ]);
  });

  it('tells in the last event what is charged, where its report cannot be true', async () => {
    upstream.script('stream', streams([delta, { ...done, usage: { ...tokens, output_tokens: 900_000_000 } }]));
    const reply = await hear('stream-tokens', asked);
    const usage = { type: 'tokens', input_tokens: 120, output_tokens: 1, total_tokens: 121 };
    expect(eventsIn(reply.body)).toEqual([delta, { ...done, usage }]);
    expect(reply.events()).toMatchObject([{ usage: { input_audio: 120, output: 1 }, usage_source: 'estimated' }]);
  });
});

function eventsIn(body: string): object[] {
  const blocks = body.split('\n\n').filter((block) => block !== '');
  return blocks.map((block) => JSON.parse(block.replace('data: ', '')) as object);
}
