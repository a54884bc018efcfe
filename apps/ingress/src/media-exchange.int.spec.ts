import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { attemptFinished, inferenceCallHead } from '#libs/contracts';
import { CallError } from '#libs/messaging';
import { FORM_READER, type FormReader, type OpenedRequest, type UploadedForm } from './inference/intake.js';
import { openPolicy, type PlayedCall } from './testing/fake-bus.js';
import { RawClient } from './testing/raw-http.js';
import { startTestIngress, type TestIngress } from './testing/test-ingress.js';

let ingress: TestIngress;
const exchange = { keepAliveMs: 100, stallMs: 300 };

beforeEach(async () => {
  ingress = await startTestIngress({ exchange });
});
afterEach(() => ingress.stop());

interface Sending {
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

const post = (path: string, body: object, init: Sending = {}): Promise<Response> =>
  fetch(ingress.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${ingress.key}`, 'content-type': 'application/json', ...init.headers },
    body: JSON.stringify(body),
    ...(init.signal && { signal: init.signal }),
  });
const speak = (changes: object = {}, init: Sending = {}): Promise<Response> =>
  post('/v1/audio/speech', { model: 'speak', input: 'Grüße 👋', voice: 'alloy', ...changes }, init);
const draw = (changes: object = {}, init: Sending = {}): Promise<Response> =>
  post('/v1/images/generations', { model: 'draw', prompt: 'a cat', ...changes }, init);
const lost = (): CallError => new CallError('peer_lost', 'the worker vanished');
const headOf = (call: PlayedCall | undefined) => inferenceCallHead.parse(call?.request.head);
const note = (price: Record<string, string>) => ({
  attemptId: 'req_x#1',
  provider: 'acme',
  upstreamModel: 'acme-1',
  price,
  startedAt: 1_767_225_600_000,
});

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function beginAudio(call: PlayedCall, ...chunks: Buffer[]): void {
  call.sink.onHead({ status: 200, headers: { 'content-type': 'audio/mpeg' } });
  for (const chunk of chunks) call.sink.onData(chunk);
}

describe('speech as bytes', () => {
  it('streams from the first byte, as its worker’s content type, and nothing may be made of it', async () => {
    ingress.bus.play = (call) => beginAudio(call, Buffer.from([0xff, 0xf3, 0x00]));
    const answer = await speak();
    expect(answer.headers.get('content-type')).toBe('audio/mpeg');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('transfer-encoding')).toBe('chunked');
    const reader = answer.body!.getReader();
    // Three bytes, while the call goes on: nothing is gathered.
    expect(Buffer.from((await reader.read()).value!)).toEqual(Buffer.from([0xff, 0xf3, 0x00]));
    const [call] = ingress.bus.calls;
    await eventually(() => call!.granted === 3);
    call!.sink.onData(Buffer.from([0x0d, 0x0a]));
    call!.sink.onEnd({ attempts: 1, provider: 'acme' });
    expect(Buffer.from((await reader.read()).value!)).toEqual(Buffer.from([0x0d, 0x0a]));
    expect((await reader.read()).done).toBe(true);
  });

  it('tells its worker what it is', async () => {
    ingress.bus.play = (call) => beginAudio(call, Buffer.from('a')) ?? call.sink.onEnd({});
    await (await speak({ response_format: 'opus' })).arrayBuffer();
    const [call] = ingress.bus.calls;
    expect(call!.request.subject).toBe('call.v1.audio.speech');
    expect(headOf(call)).toMatchObject({
      endpoint: 'audio.speech',
      model: 'speak',
      stream: false,
      facts: { characters: 7, responseFormat: 'opus', streamFormat: 'audio' },
    });
    expect(headOf(call)).not.toHaveProperty('mediaUrl');
  });

  it('that fails after its first byte breaks the connection, and is accounted for by its characters', async () => {
    ingress.bus.play = (call) => {
      call.sink.onNote?.(note({ characters: '3000000' }));
      beginAudio(call, Buffer.alloc(10, 1));
      setTimeout(() => call.sink.onError(lost()), 50);
    };
    await expect(speak().then((answer) => answer.arrayBuffer())).rejects.toThrow();
    expect(ingress.bus.calls).toHaveLength(1);
    expect(attemptFinished.parse(ingress.bus.events[0]!.event)).toMatchObject({
      endpoint: 'audio.speech',
      outcome: 'worker_lost',
      content_delivered: true,
      usage_source: 'estimated',
      usage: { characters: 7 },
    });
  });

  it('that fails before its first byte is an error in JSON', async () => {
    const gateway = { code: 'upstream_error', message: 'It failed.' } as const;
    ingress.bus.play = (call) => {
      call.sink.onHead({ status: 200, headers: { 'content-type': 'audio/mpeg' } });
      call.sink.onError(new CallError('remote', 'x', gateway));
    };
    const answer = await speak();
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({ error: { code: 'upstream_error' } });
  });

  it('is no stream of events: no comment is put into it, however long it is silent', async () => {
    ingress.bus.play = (call) => beginAudio(call, Buffer.from('a'));
    const answer = await speak();
    await pause(250);
    ingress.bus.calls[0]!.sink.onData(Buffer.from('b'));
    ingress.bus.calls[0]!.sink.onEnd({});
    expect(await answer.text()).toBe('ab');
  });
});

describe('events with names', () => {
  const event = (name: string) => `event: ${name}\ndata: {"type":"${name}"}\n\n`;

  it('pass as they come, with comments between and no [DONE]', async () => {
    ingress.bus.play = () => undefined;
    const answer = await draw({ stream: true, partial_images: 1 });
    const [call] = ingress.bus.calls;
    call!.openStream();
    call!.data(event('image_generation.partial_image'));
    call!.data(event('image_generation.completed'));
    call!.sink.onEnd({});
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const text = await answer.text();
    expect(text).toMatch(/^: keep-alive\n\n/);
    expect(text.replaceAll(': keep-alive\n\n', '')).toBe(
      event('image_generation.partial_image') + event('image_generation.completed'),
    );
  });

  it('end with an error by name when they break off', async () => {
    ingress.bus.play = (call) => {
      call.openStream();
      call.data(event('speech.audio.delta'));
      setTimeout(() => call.sink.onError(lost()), 20);
    };
    const answer = await speak({ stream_format: 'sse' });
    expect(headOf(ingress.bus.calls[0])).toMatchObject({ stream: true, facts: { streamFormat: 'sse' } });
    const text = await answer.text();
    expect(text).toMatch(/\n\nevent: error\ndata: \{"error":\{.*"code":"upstream_interrupted".*\}\n\n$/);
    expect(text).not.toContain('[DONE]');
  });

  it.each([
    ['whole', '', true],
    ['broken', 'event: error\ndata: {"error":{"message":"x"}}\n\n', false],
  ])('are kept for a repetition when they are whole: %s', async (_what, end, kept) => {
    ingress.bus.play = (call) => {
      call.openStream();
      call.data(event('image_generation.completed'));
      for (const half of [end.slice(0, 17), end.slice(17)]) if (half !== '') call.data(half);
      call.sink.onEnd({});
    };
    await (await draw({ stream: true }, { headers: { 'idempotency-key': 'k1' } })).text();
    expect(ingress.bus.billing.stored.length).toBe(kept ? 1 : 0);
  });
});

describe('other answers', () => {
  it('pass as text with their length', async () => {
    ingress.bus.play = (call) => {
      call.sink.onHead({ status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' } });
      call.data('1\n00:00:00,000 --> ');
      call.data('00:00:01,000\nhi\n');
      call.sink.onEnd({});
    };
    const answer = await post('/v1/rerank', { model: 'rank', query: 'q', documents: ['a'] });
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '35',
      'x-content-type-options': 'nosniff',
    });
  });

  it.each([
    ['/v1/embeddings', { model: 'embed', input: 'ab' }, { inputs: 1, tokenArrays: false }],
    ['/v1/embeddings', { model: 'embed', input: [1, 2, 3] }, { inputs: 1, tokenArrays: true }],
    ['/v1/embeddings', { model: 'embed', input: [[1], [2]], dimensions: 8 }, { inputs: 2, tokenArrays: true }],
    ['/v1/rerank', { model: 'rank', query: 'q', documents: ['a', { text: 'b' }] }, { documents: 2 }],
    ['/v1/images/generations', { model: 'draw', prompt: 'p' }, { n: 1, size: 'auto', quality: 'auto' }],
    [
      '/v1/images/edits',
      { model: 'draw', prompt: 'p', n: 2, size: '512x512', images: [{ image_url: 'https://example.com/b.png' }] },
      { n: 2, size: '512x512', quality: 'auto' },
    ],
  ])('%s tells its worker the facts of %j', async (path, body, facts) => {
    expect((await post(path, body)).status).toBe(200);
    const { request } = ingress.bus.calls[0]!;
    const head = headOf(ingress.bus.calls[0]);
    expect(head.facts).toEqual(facts);
    const sent = Buffer.from(request.body as Uint8Array);
    expect(JSON.parse(sent.toString())).toEqual(body);
    expect(sent.subarray(...head.spans!.model).toString()).toBe(JSON.stringify(body.model));
  });

  it.each([
    [{ images: [{ image_url: 'http://169.254.169.254/' }] }, 'image_url_not_allowed', 'images[0].image_url'],
    [{ images: [{ image_url: 'file:///etc/passwd' }] }, 'image_url_not_allowed', 'images[0].image_url'],
    [{ images: [{ image_url: 'data:text/html,x' }] }, 'image_url_not_allowed', 'images[0].image_url'],
    [{ images: [{ image_url: 'data:image/png;base64,AAAA' }] }, 'invalid_image', 'images[0].image_url'],
    [
      { images: [{ image_url: 'https://example.com/a' }], mask: { image_url: 'http://localhost/' } },
      'image_url_not_allowed',
      'mask.image_url',
    ],
  ])('of an edit are refused where the image is not to be fetched: %j', async (changes, code, param) => {
    const answer = await post('/v1/images/edits', { model: 'draw', prompt: 'a', ...changes });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code, param } });
    expect(ingress.bus.calls).toHaveLength(0);
  });

  it('say where images of ours will be found: at the address that was called', async () => {
    await draw();
    expect(headOf(ingress.bus.calls[0]).mediaUrl).toBe(`${ingress.url}/v1/media/`);
    await draw({}, { headers: { 'x-forwarded-proto': 'https' } });
    expect(headOf(ingress.bus.calls[1]).mediaUrl).toBe(`${ingress.url}/v1/media/`);
  });

  it.each([
    [{ MODAPI_TRUSTED_PROXIES: '127.0.0.1' }, /^https:\/\/127\.0\.0\.1:\d+\/v1\/media\/$/],
    [{ MODAPI_PUBLIC_URL: 'https://ai.example.com/' }, /^https:\/\/ai\.example\.com\/v1\/media\/$/],
  ])('or at the one that %j says', async (env, expected) => {
    const other = await startTestIngress({ env });
    await fetch(`${other.url}/v1/images/generations`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${other.key}`,
        'content-type': 'application/json',
        'x-forwarded-proto': 'https',
      },
      body: JSON.stringify({ model: 'draw', prompt: 'a' }),
    });
    expect(headOf(other.bus.calls[0]).mediaUrl).toMatch(expected);
    await other.stop();
  });
});

describe('a hold', () => {
  const held = async (path: string, body: object): Promise<number> => {
    expect((await post(path, body)).status).toBe(200);
    return Number(ingress.bus.billing.authorized.at(-1)!.holdNanos);
  };
  beforeEach(() => {
    ingress.bus.usualPolicy = { ...openPolicy, needsHold: true };
  });
  const prompt = 'x'.repeat(100);
  const text = 'x'.repeat(1_000);

  it.each([
    ['/v1/embeddings', { model: 'embed', input: [text, text] }, 1_000],
    ['/v1/embeddings', { model: 'embed', input: ['x'.repeat(40_000), 'a'] }, 16_384],
    ['/v1/embeddings', { model: 'embed', input: [[1, 2, 3], [4]] }, 4],
    ['/v1/rerank', { model: 'rank', query: 'q', documents: Array.from({ length: 101 }, () => 'a') }, 2 * 7],
    ['/v1/rerank', { model: 'rank-tokens', query: 'qq', documents: ['aaaa', 'bb'] }, 5],
    ['/v1/audio/speech', { model: 'speak', input: text, voice: 'ash' }, 3_000],
    ['/v1/audio/speech', { model: 'speak-tokens', input: text, voice: 'ash' }, 500 + 10 * 7_000],
    ['/v1/audio/speech', { model: 'speak-tokens', input: text, voice: 'ash', speed: 0.5 }, 500 + 10 * 14_000],
    ['/v1/images/generations', { model: 'draw', prompt, n: 2, size: '1024x1024', quality: 'low' }, 4],
    ['/v1/images/generations', { model: 'draw', prompt, n: 2, size: '1024x1024' }, 40],
    ['/v1/images/generations', { model: 'draw', prompt, size: '512x512' }, 9],
    ['/v1/images/generations', { model: 'draw-pixels', prompt, n: 2, size: '512x256' }, 2 * 512 * 256],
    ['/v1/images/generations', { model: 'draw-pixels', prompt }, 2_048 * 2_048],
    ['/v1/images/generations', { model: 'draw-tokens', prompt, quality: 'low', size: '1024x1024' }, 50 + 3 * 272],
    ['/v1/images/generations', { model: 'draw-tokens', prompt, n: 2 }, 50 + 3 * 2 * 6_240],
    [
      '/v1/images/edits',
      {
        model: 'draw-tokens',
        prompt,
        quality: 'high',
        size: '1024x1024',
        images: [{ image_url: 'https://example.com/b' }],
      },
      50 + 2 * 7_000 + 3 * 4_160,
    ],
  ] as const)('%#: of %s is its upper bound', async (path, body, nanos) => {
    expect(await held(path, body)).toBe(nanos);
    expect(headOf(ingress.bus.calls[0]).hold).toMatchObject({ extensible: false });
  });
});

describe('a form', () => {
  const bytes = Buffer.from('some audio');
  let disposed = 0;
  let uploaded: UploadedForm;

  beforeEach(() => {
    disposed = 0;
    uploaded = formOf([
      ['model', 'hear'],
      ['timestamp_granularities[]', 'word'],
      ['response_format', 'verbose_json'],
      ['timestamp_granularities[]', 'segment'],
    ]);
    const reader: FormReader = ingress.app.get(FORM_READER);
    jest.spyOn(reader, 'read').mockImplementation(({ request }: OpenedRequest) => {
      request.raw.resume();
      request.record.whenClosed(() => void disposed++);
      return Promise.resolve(uploaded);
    });
  });

  function formOf(fields: readonly (readonly [string, string])[], fileName = 'file', seconds = 3): UploadedForm {
    const file = { name: fileName, filename: 'a.mp3', contentType: 'audio/mpeg', bytes: bytes.length };
    return {
      form: { fields: fields.map(([name, value]) => ({ name, value })), files: [file] },
      fileFacts: [{ seconds }],
      body: { length: bytes.length, read: (at, most) => Promise.resolve(bytes.subarray(at, at + most)) },
      fingerprint: 'f'.repeat(43),
    };
  }

  const form = (path = '/v1/audio/transcriptions', init: RequestInit = {}): Promise<Response> => {
    const body = new FormData();
    body.set('model', 'hear');
    const headers = { authorization: `Bearer ${ingress.key}` };
    return fetch(ingress.url + path, { method: 'POST', headers, body, ...init });
  };
  const problem = async (answer: Response) => ((await answer.json()) as { error: object }).error;

  it('goes to its worker with its fields as they came, its files as a source, and its facts', async () => {
    expect((await form()).status).toBe(200);
    const [call] = ingress.bus.calls;
    expect(call!.request.body).toBe(uploaded.body);
    expect(headOf(call)).toMatchObject({
      endpoint: 'audio.transcriptions',
      model: 'hear',
      form: uploaded.form,
      facts: { seconds: 3, responseFormat: 'verbose_json' },
    });
    await eventually(() => disposed > 0);
    expect(disposed).toBe(1);
  });

  it.each([
    ['hear', 3 * 5],
    ['hear-tokens', 2 * 120 + 3 * 256],
  ])('is held in full: %s', async (model, nanos) => {
    ingress.bus.usualPolicy = { ...openPolicy, needsHold: true };
    uploaded = formOf([['model', model]]);
    expect((await form()).status).toBe(200);
    expect(Number(ingress.bus.billing.authorized[0]!.holdNanos)).toBe(nanos);
  });

  it.each([
    [
      [
        ['model', 'hear'],
        ['response_format', 'midi'],
      ],
      'invalid_value',
      'response_format',
    ],
    [
      [
        ['model', 'hear'],
        ['timestamp_granularities', 'word'],
      ],
      'invalid_value',
      'timestamp_granularities',
    ],
    [
      [
        ['model', 'hear'],
        ['stream', 'true'],
        ['response_format', 'srt'],
      ],
      'invalid_value',
      'response_format',
    ],
    [
      [
        ['model', 'hear'],
        ['temperature', '2'],
      ],
      'invalid_value',
      'temperature',
    ],
    [
      [
        ['model', 'hear'],
        ['temperature', 'hot'],
      ],
      'invalid_value',
      'temperature',
    ],
    [
      [
        ['model', 'hear'],
        ['stream', 'maybe'],
      ],
      'invalid_type',
      'stream',
    ],
    [
      [
        ['model', 'hear'],
        ['file', 'text'],
      ],
      'invalid_value',
      'file',
    ],
    [
      [
        ['model', 'hear'],
        ['model', 'hear'],
      ],
      'invalid_value',
      'model',
    ],
    [[['model', 'draw']], 'model_not_supported', 'model'],
    [[['language', 'de']], 'missing_required_parameter', 'model'],
  ] as const)('is refused with %j', async (fields, code, param) => {
    uploaded = formOf(fields as readonly (readonly [string, string])[]);
    expect(await problem(await form())).toMatchObject({ code, param });
    expect(ingress.bus.calls).toHaveLength(0);
    await eventually(() => disposed > 0);
    expect(disposed).toBe(1);
  });

  it('without its file is refused', async () => {
    uploaded = formOf([['model', 'hear']], 'audio');
    expect(await problem(await form())).toMatchObject({ code: 'missing_required_parameter', param: 'file' });
  });

  it('of a variation must have a square PNG', async () => {
    uploaded = formOf([['model', 'draw']], 'image');
    expect(await problem(await form('/v1/images/variations'))).toMatchObject({ code: 'invalid_image', param: 'image' });
    const [file] = uploaded.form.files;
    const png = { ...file!, contentType: 'image/png' };
    uploaded = { ...uploaded, form: { ...uploaded.form, files: [png] }, fileFacts: [{ width: 10, height: 20 }] };
    expect(await problem(await form('/v1/images/variations'))).toMatchObject({ code: 'invalid_image', param: 'image' });
    uploaded = { ...uploaded, fileFacts: [{ width: 20, height: 20 }] };
    expect((await form('/v1/images/variations')).status).toBe(200);
  });

  it('is disposed of once when the caller leaves, after the call was given up', async () => {
    ingress.bus.play = () => undefined;
    const controller = new AbortController();
    const answer = form(undefined, { signal: controller.signal }).catch(() => undefined);
    await eventually(() => ingress.bus.calls.length === 1);
    expect(disposed).toBe(0);
    controller.abort();
    await answer;
    await eventually(() => disposed > 0);
    expect(ingress.bus.calls[0]!.cancelled).toBe('client_closed');
    await pause(50);
    expect(disposed).toBe(1);
  });

  it('is kept for another worker, and disposed of once when all are lost', async () => {
    const seen: number[] = [];
    ingress.bus.play = (call) => {
      seen.push(disposed);
      call.sink.onError(lost());
    };
    expect((await form()).status).toBe(502);
    expect(seen).toEqual([0, 0, 0]);
    await eventually(() => disposed > 0);
    await pause(50);
    expect(disposed).toBe(1);
  });

  it('that arrives after its caller left is disposed of at once, and no worker hears of it', async () => {
    const arrived = Promise.withResolvers<UploadedForm>();
    const reader: FormReader = ingress.app.get(FORM_READER);
    let opened: OpenedRequest | undefined;
    jest.spyOn(reader, 'read').mockImplementation((request) => {
      opened = request;
      return arrived.promise;
    });
    const client = await RawClient.open(ingress.port);
    client.send(
      `POST /v1/audio/transcriptions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ingress.key}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 5\r\n\r\n--b--`,
    );
    await eventually(() => opened !== undefined);
    client.close();
    await eventually(() => ingress.log.some(({ message }) => message === 'request'));
    opened!.request.record.whenClosed(() => void disposed++);
    expect(disposed).toBe(1);
    arrived.resolve(uploaded);
    await pause(50);
    expect(ingress.bus.calls).toHaveLength(0);
  });
});
