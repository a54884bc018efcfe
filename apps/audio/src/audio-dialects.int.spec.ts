import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { audioSpeech, audioTranscriptions } from '#libs/contracts';
import { type Received, ScriptedUpstream } from '../../../libs/inference/src/testing/scripted-upstream.js';
import { WorkerBench } from '../../../libs/inference/src/testing/worker-bench.js';
import { audioApp } from './audio-app.js';

/** What a vendor does with a request: a status, and a body as its API has it. */
type Vendor = (path: string, received: Received) => { status?: number; body: object | Uint8Array; type?: string };

const upstream = new ScriptedUpstream();
let bench: WorkerBench;

/** Preset → the name of the model there. */
const models: Readonly<Record<string, string>> = {
  elevenlabs: 'eleven_v3',
  deepgram: 'nova-3',
  assemblyai: 'universal-2',
  gladia: 'default',
  revai: 'machine',
  hume: 'octave',
  lmnt: 'blizzard',
  fal: 'wizper',
  google: 'gemini-2.5-flash-preview-tts',
  gemini: 'gemini-3.5-transcribe',
  xai: 'voice',
  mistral: 'voxtral-mini',
};

beforeAll(async () => {
  const url = await upstream.listen();
  const price = { characters: '15', seconds: '0.0001' };
  bench = await WorkerBench.start(
    audioApp,
    {
      providers: Object.fromEntries(
        Object.keys(models).map((preset) => [
          preset,
          { preset, baseUrl: `${url}/${preset}`, apiKey: 'env:VENDOR_KEY' },
        ]),
      ),
      models: [
        ...Object.entries(models).map(([provider, model]) => ({
          id: provider,
          deployments: [{ provider, model, price }],
        })),
        { id: 'aura', deployments: [{ provider: 'deepgram', model: 'aura-2-thalia-en', price }] },
        {
          id: 'tokens',
          deployments: [{ provider: 'google', model: 'gemini-tts', price: { input: '1', output_audio: '20' } }],
        },
        { id: 'gone-then-lmnt', deployments: ['hume', 'lmnt'].map((provider) => ({ provider, model: 'm', price })) },
      ],
    },
    { VENDOR_KEY: 'vendor-secret-0123456789' },
  );
});

afterAll(async () => {
  await bench.stop();
  upstream.close();
});

function plays(name: string, vendor: Vendor): void {
  upstream.script(name, (response, received) => {
    const { status = 200, body, type } = vendor(received.path.slice(name.length + 1), received);
    const bytes = body instanceof Uint8Array;
    response.writeHead(status, { 'content-type': type ?? (bytes ? 'audio/mpeg' : 'application/json') });
    response.end(bytes ? body : JSON.stringify(body));
  });
}

async function say(model: string, rest: Record<string, string | number> = {}) {
  const requestId = bench.nextRequestId();
  const body = { model, input: 'Hello', voice: 'custom-voice', ...rest } as Record<string, string | number>;
  const facts = {
    characters: 5,
    ...(body['response_format'] !== undefined && { responseFormat: String(body['response_format']) }),
    streamFormat: String(body['stream_format'] ?? 'audio'),
  };
  const reply = await bench.call({ endpoint: audioSpeech, body, facts, requestId });
  return { ...reply, events: () => bench.eventsOf(requestId) };
}

const song = Buffer.from('not really a song');

async function hear(model: string, format = 'json', more: readonly [string, string][] = [], stream = false) {
  const requestId = bench.nextRequestId();
  const fields = [['model', model], ['response_format', format], ...more].map(([name, value]) => {
    return { name: String(name), value: String(value) };
  });
  const files = [{ name: 'file', filename: 'a.mp3', contentType: 'audio/mpeg', bytes: song }];
  const facts = { responseFormat: format, seconds: 3 };
  const reply = await bench.call({ endpoint: audioTranscriptions, form: { fields, files }, facts, stream, requestId });
  return { ...reply, json: () => JSON.parse(reply.body) as unknown, events: () => bench.eventsOf(requestId) };
}

const mp3 = Buffer.from([0xff, 0xfb, 0x90, 0x00, 1, 2, 3, 4]);
const wav = Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVE'), Buffer.alloc(64)]);
const pcm = Buffer.from(Array.from({ length: 4800 }, (_, index) => index % 256));

function jsonOf({ body }: Received): Record<string, unknown> {
  return JSON.parse(body) as Record<string, unknown>;
}

function multipart(received: Received): Promise<FormData> {
  const { bytes, headers } = received;
  return new Response(Buffer.from(bytes), { headers: { 'content-type': headers['content-type']! } }).formData();
}

async function sentFile(received: Received, field: string): Promise<Buffer> {
  return Buffer.from(await ((await multipart(received)).get(field) as File).arrayBuffer());
}

describe('speech of vendors', () => {
  it('elevenlabs: voice in the path, wav made of its samples', async () => {
    plays('elevenlabs', () => ({ body: pcm }));
    const reply = await say('elevenlabs', { response_format: 'wav', speed: 1.1 });
    const [received] = upstream.of('elevenlabs');
    expect(received!.path).toBe('/elevenlabs/v1/text-to-speech/custom-voice?output_format=pcm_24000');
    expect(received!.headers['xi-api-key']).toBe('vendor-secret-0123456789');
    expect(jsonOf(received!)).toMatchObject({ text: 'Hello', model_id: 'eleven_v3', voice_settings: { speed: 1.1 } });
    expect(reply.headers['content-type']).toBe('audio/wav');
    expect(reply.bytes.subarray(44).equals(pcm)).toBe(true);
    expect(reply.bytes.readUInt32LE(24)).toBe(24_000);
    expect(reply.events()).toMatchObject([{ usage: { characters: 5 }, usage_source: 'counted' }]);
  });

  it('deepgram: the voice is part of the model, and no other one is taken', async () => {
    plays('deepgram', () => ({ body: mp3 }));
    const reply = await say('aura', { voice: 'thalia' });
    expect(reply.bytes.equals(mp3)).toBe(true);
    const { path, headers } = upstream.of('deepgram')[0]!;
    expect(path).toBe('/deepgram/v1/speak?model=aura-2-thalia-en&encoding=mp3');
    expect(headers.authorization).toBe('Token vendor-secret-0123456789');
    const other = await say('aura', { voice: 'zeus' });
    expect(other.error?.gateway).toMatchObject({ code: 'unsupported_value', param: 'voice' });
    expect(upstream.of('deepgram')).toHaveLength(1);
  });

  it('hume: instructions are its description', async () => {
    plays('hume', () => ({ body: mp3 }));
    const reply = await say('hume', { instructions: 'whisper' });
    expect(reply.bytes.equals(mp3)).toBe(true);
    const { utterances } = jsonOf(upstream.of('hume')[0]!) as { utterances: object[] };
    expect(utterances[0]).toMatchObject({ text: 'Hello', description: 'whisper', voice: { id: 'custom-voice' } });
  });

  it('lmnt: pcm is its raw format at OpenAI’s rate', async () => {
    plays('lmnt', () => ({ body: pcm }));
    const reply = await say('lmnt', { response_format: 'pcm' });
    expect(reply.headers['content-type']).toBe('audio/pcm');
    expect(jsonOf(upstream.of('lmnt')[0]!)).toMatchObject({
      response_format: 'raw',
      sample_rate: 24_000,
      model: 'blizzard',
    });
  });

  it('google: samples without their header, tokens as reported', async () => {
    plays('google', () => ({
      body: {
        candidates: [
          { content: { parts: [{ inlineData: { mimeType: 'audio/L16;rate=24000', data: pcm.toString('base64') } }] } },
        ],
        usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 50 },
      },
    }));
    const reply = await say('google', { response_format: 'pcm', voice: 'Kore' });
    expect(reply.bytes.equals(pcm)).toBe(true);
    const unasked = await say('google', { voice: 'Kore' });
    expect(unasked.headers['content-type']).toBe('audio/wav');
    expect(unasked.bytes.toString('latin1', 0, 4)).toBe('RIFF');
    expect(upstream.of('google')[0]!.path).toContain('gemini-2.5-flash-preview-tts:generateContent');
    const counted = await say('tokens', { response_format: 'wav', voice: 'Kore', stream_format: 'sse' });
    expect(counted.events()).toMatchObject([{ usage: { input: 7, output_audio: 50 }, usage_source: 'provider' }]);
    const last = counted.body.trim().split('\n\n').at(-1)!.replace('data: ', '');
    expect(JSON.parse(last)).toEqual({
      type: 'speech.audio.done',
      usage: { input_tokens: 7, output_tokens: 50, total_tokens: 57 },
    });
  });

  it('xai and mistral: their own shapes', async () => {
    plays('xai', () => ({ body: mp3 }));
    plays('mistral', () => ({ body: { audio_data: mp3.toString('base64') } }));
    expect((await say('xai')).bytes.equals(mp3)).toBe(true);
    expect(upstream.of('xai')[0]!.path).toContain('/tts');
    expect(jsonOf(upstream.of('xai')[0]!)).toMatchObject({ voice_id: 'custom-voice' });
    expect((await say('mistral')).bytes.equals(mp3)).toBe(true);
    expect(jsonOf(upstream.of('mistral')[0]!)).toMatchObject({ voice_id: 'custom-voice', response_format: 'mp3' });
  });

  it('fal: what its store has, if it is what was asked for', async () => {
    plays('fal', (path) =>
      path.endsWith('.mp3') ? { body: mp3 } : { body: { audio: { url: 'https://v3.fal.media/files/a.mp3' } } },
    );
    const reply = await say('fal');
    expect(reply.bytes.equals(mp3)).toBe(true);
    const [asked, fetched] = upstream.of('fal');
    expect(asked!.headers.authorization).toBe('Key vendor-secret-0123456789');
    expect(fetched!.headers.authorization).toBeUndefined();
    plays('fal', (path) =>
      path.endsWith('.mp3') ? { body: wav } : { body: { audio: { url: 'https://v3.fal.media/files/a.mp3' } } },
    );
    const own = await say('fal');
    expect([own.headers['content-type'], own.bytes.equals(wav)]).toEqual(['audio/wav', true]);
    const flac = await say('fal', { response_format: 'flac' });
    expect(flac.error?.gateway).toMatchObject({ code: 'unsupported_value', param: 'response_format' });
  });

  it.each([
    ['hume', { response_format: 'opus' }, 'response_format'],
    ['google', { response_format: 'mp3' }, 'response_format'],
    ['google', { response_format: 'wav', speed: 2 }, 'speed'],
    ['elevenlabs', { instructions: 'sing' }, 'instructions'],
    ['lmnt', { voice: 'alloy' }, 'voice'],
  ])('%s refuses %j before it is called', async (model, rest, param) => {
    plays(model, () => ({ body: mp3 }));
    const reply = await say(model, rest);
    const code = param === 'voice' || param === 'response_format' ? 'unsupported_value' : 'unsupported_parameter';
    expect(reply.error?.gateway).toMatchObject({ code, param });
    expect(upstream.of(model)).toHaveLength(0);
  });
});

const timed = [
  { word: 'hello', punctuated_word: 'Hello.', text: 'Hello.', start: 0.1, end: 0.5, speaker: 0 },
  { word: 'yes', punctuated_word: 'Yes!', text: 'Yes!', start: 0.7, end: 0.9, speaker: 1 },
];
const diarized = {
  task: 'transcribe',
  text: 'Hello. Yes!',
  segments: [
    { type: 'transcript.text.segment', id: 'seg_001', start: 0.1, end: 0.5, text: 'Hello.', speaker: 'A' },
    { type: 'transcript.text.segment', id: 'seg_002', start: 0.7, end: 0.9, text: 'Yes!', speaker: 'B' },
  ],
  usage: { type: 'duration', seconds: 3 },
};

/** Each vendor's answers to one file with two speakers. */
const listeners: Readonly<Record<string, Vendor>> = {
  elevenlabs: () => ({
    body: {
      ...{ language_code: 'eng', language_probability: 1, text: 'Hello. Yes!' },
      words: timed.flatMap((word) => [
        { ...word, type: 'word', speaker_id: `speaker_${word.speaker}` },
        { text: ' ', type: 'spacing', start: word.end, end: word.end, speaker_id: 'speaker_0' },
      ]),
    },
  }),
  deepgram: () => ({
    body: {
      metadata: { duration: 2.5 },
      results: { channels: [{ detected_language: 'en', alternatives: [{ transcript: 'Hello. Yes!', words: timed }] }] },
    },
  }),
  assemblyai: pollsTwice((path, polls) => {
    if (path.endsWith('/upload')) return { upload_url: 'https://cdn.assemblyai.com/upload/1' };
    const pieces = timed.map(({ text, start, end, speaker }) => ({
      ...{ text, start: start * 1000, end: end * 1000, speaker: 'XY'[speaker] },
    }));
    return polls < 2
      ? { id: 't1', status: 'queued' }
      : { id: 't1', status: 'completed', text: 'Hello. Yes!', language_code: 'en', words: pieces, utterances: pieces };
  }),
  gladia: pollsTwice((path, polls) => {
    if (path.endsWith('/upload')) return { audio_url: 'https://api.gladia.io/file/1' };
    if (polls === 0) return { id: 'g1', result_url: 'https://api.gladia.io/v2/pre-recorded/g1' };
    const utterances = timed.map(({ text, start, end, speaker }) => ({ text, start, end, speaker, words: [] }));
    const transcription = { full_transcript: 'Hello. Yes!', languages: ['en'], utterances };
    return polls < 2
      ? { status: 'processing' }
      : { status: 'done', result: { metadata: { audio_duration: 2.5 }, transcription } };
  }),
  revai: pollsTwice((path, polls) => {
    if (polls < 2) return { id: 'r1', status: 'in_progress', language: 'en' };
    if (!path.endsWith('/transcript')) return { id: 'r1', status: 'transcribed' };
    return {
      monologues: timed.map(({ text, start, end, speaker }) => ({
        speaker,
        elements: [
          { type: 'text', value: text.slice(0, -1), ts: start, end_ts: end },
          { type: 'punct', value: text.slice(-1) },
        ],
      })),
    };
  }),
  gemini: () => ({
    body: {
      status: 'completed',
      steps: [
        {
          content: [
            {
              ...{ type: 'text', text: 'Hello. Yes!' },
              annotations: timed.map(({ text, start, end, speaker }) => ({
                ...{ type: 'word_info', text, speaker: `spk_${speaker}` },
                ...{ start_offset: `${start}s`, end_offset: `${end}s` },
              })),
            },
          ],
        },
      ],
    },
  }),
  xai: () => ({ body: { text: 'Hello. Yes!', language: 'en', duration: 2.5, words: timed } }),
  mistral: () => ({
    body: {
      ...{ model: 'voxtral-mini', text: 'Hello. Yes!', language: null, usage: { prompt_audio_seconds: 3 } },
      segments: timed.map(({ text, start, end, speaker }) => ({ text, start, end, speaker_id: `s${speaker}` })),
    },
  }),
  fal: pollsTwice((_, polls) => {
    if (polls === 0) return { request_id: 'f1' };
    if (polls < 2) return { detail: 'Request is still in progress' };
    const chunks = timed.map(({ text, start, end, speaker }) => ({
      text,
      timestamp: [start, end],
      speaker: `S${speaker}`,
    }));
    return { text: 'Hello. Yes!', inferred_languages: ['en'], chunks };
  }),
};

/** The first poll of a job is answered with patience. */
function pollsTwice(answer: (path: string, polls: number) => object): Vendor {
  let polls = 0;
  return (path, { method }) => {
    if (method === 'POST') polls = 0;
    else polls++;
    const body = answer(path, polls);
    return { body, status: 'detail' in body ? 400 : 200 };
  };
}

describe('transcriptions of vendors', () => {
  it.each(Object.keys(listeners))('%s: text, speakers, subtitles, usage', async (name) => {
    plays(name, listeners[name]!);
    const json = await hear(name);
    expect(json.error?.gateway).toBeUndefined();
    expect(json.json()).toEqual({ text: 'Hello. Yes!', usage: { type: 'duration', seconds: 3 } });
    expect(json.events()).toMatchObject([{ usage: { seconds: 3 }, usage_source: 'counted' }]);
    expect(JSON.stringify(upstream.of(name)[0]!.headers)).toContain('vendor-secret-0123456789');
    const speakers = await hear(name, 'diarized_json');
    expect(speakers.json()).toMatchObject(diarized);
    const srt = await hear(name, 'srt');
    expect(srt.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(srt.body).toMatch(/^1\n00:00:00,100 --> 00:00:00,[59]00\nHello\./);
  });

  it('sends the very bytes of the file', async () => {
    plays('elevenlabs', listeners['elevenlabs']!);
    await hear('elevenlabs');
    expect((await sentFile(upstream.of('elevenlabs')[0]!, 'file')).equals(song)).toBe(true);
    plays('deepgram', listeners['deepgram']!);
    await hear('deepgram', 'json', [['language', 'en']]);
    const [received] = upstream.of('deepgram');
    expect(received!.bytes.equals(song)).toBe(true);
    expect(received!.path).toContain('model=nova-3');
    expect(received!.path).toContain('language=en');
    plays('fal', listeners['fal']!);
    await hear('fal');
    const { audio_url: data } = jsonOf(upstream.of('fal')[0]!);
    expect(data).toBe(`data:audio/mpeg;base64,${song.toString('base64')}`);
  });

  it('renders verbose_json with words where they are asked for', async () => {
    plays('deepgram', listeners['deepgram']!);
    const granularities: [string, string][] = [['timestamp_granularities[]', 'word']];
    const reply = await hear('deepgram', 'verbose_json', granularities);
    expect(reply.json()).toEqual({
      ...{ task: 'transcribe', language: 'english', duration: 2.5, text: 'Hello. Yes!' },
      words: [
        { word: 'Hello.', start: 0.1, end: 0.5 },
        { word: 'Yes!', start: 0.7, end: 0.9 },
      ],
      usage: { type: 'duration', seconds: 3 },
    });
  });

  it('streams a whole transcript as its events', async () => {
    plays('deepgram', listeners['deepgram']!);
    const reply = await hear('deepgram', 'json', [['stream', 'true']], true);
    expect(reply.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const events = reply.body.trim().split('\n\n');
    expect(events.map((event) => JSON.parse(event.replace('data: ', '')) as unknown)).toEqual([
      { type: 'transcript.text.delta', delta: 'Hello. Yes!' },
      { type: 'transcript.text.done', text: 'Hello. Yes!' },
    ]);
  });

  it.each<[string, [string, string][], string]>([
    ['deepgram', [['prompt', 'names']], 'prompt'],
    ['deepgram', [['temperature', '0.7']], 'temperature'],
    ['deepgram', [['include[]', 'logprobs']], 'include'],
    ['xai', [['known_speaker_names[]', 'Ann']], 'known_speaker_names'],
  ])('%s refuses %j before it is called', async (name, fields, param) => {
    plays(name, listeners[name]!);
    const reply = await hear(name, 'json', fields);
    expect(reply.error?.gateway).toMatchObject({ code: 'unsupported_parameter', param });
    expect(upstream.of(name)).toHaveLength(0);
  });

  it('gives a job up at once when the caller leaves', async () => {
    plays('assemblyai', (path) => ({
      body: path.endsWith('/upload') ? { upload_url: 'https://cdn.assemblyai.com/1' } : { id: 't1', status: 'queued' },
    }));
    const requestId = bench.nextRequestId();
    const started = performance.now();
    await bench.call({
      endpoint: audioTranscriptions,
      form: {
        fields: [{ name: 'model', value: 'assemblyai' }],
        files: [{ name: 'file', filename: 'a.mp3', contentType: 'audio/mpeg', bytes: song }],
      },
      facts: { seconds: 3 },
      requestId,
      onStart: (handle) => setTimeout(() => handle.cancel('left'), 150),
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(bench.eventsOf(requestId)).toMatchObject([{ outcome: 'client_abort', usage: {} }]);
    expect(performance.now() - started).toBeLessThan(1500);
  });
});

describe('failures of vendors', () => {
  it('holds no more than eight files in memory', async () => {
    const held: (() => void)[] = [];
    upstream.script('deepgram', async (response) => {
      await new Promise<void>((resolve) => void held.push(resolve));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(listeners['deepgram']!('', upstream.of('deepgram')[0]!).body));
    });
    const calls = Array.from({ length: 8 }, () => hear('deepgram'));
    while (held.length < 8) await new Promise((resolve) => setTimeout(resolve, 5));
    const ninth = await hear('deepgram');
    expect(ninth.error?.gateway).toMatchObject({ code: 'overloaded', retryAfterSeconds: 5 });
    for (const resume of held) resume();
    const replies = await Promise.all(calls);
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    plays('deepgram', listeners['deepgram']!);
    expect((await hear('deepgram')).status).toBe(200);
  });

  it.each([
    [401, 'upstream_error'],
    [429, 'upstream_rate_limited'],
    [500, 'upstream_error'],
  ])('%i of a vendor is %s, and nothing is charged', async (status, code) => {
    for (const name of ['elevenlabs', 'deepgram', 'gladia', 'hume']) {
      plays(name, () => ({ status, body: { error: { message: 'no vendor-secret-0123456789', code: status } } }));
      const reply = name === 'hume' ? await say(name) : await hear(name);
      expect(reply.error?.gateway).toMatchObject({ code });
      expect(JSON.stringify(reply.error?.gateway)).not.toContain('vendor-secret');
      expect(reply.events()).toMatchObject([{ outcome: 'upstream_error', usage: {} }]);
    }
  });

  it('asks the next provider', async () => {
    plays('hume', () => ({ status: 503, body: { error: 'down' } }));
    plays('lmnt', () => ({ body: mp3 }));
    const reply = await say('gone-then-lmnt');
    expect(reply.bytes.equals(mp3)).toBe(true);
    expect(reply.events()).toMatchObject([{ provider: 'hume' }, { provider: 'lmnt', usage: { characters: 5 } }]);
  });
});
