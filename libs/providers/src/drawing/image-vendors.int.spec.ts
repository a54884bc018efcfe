import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { gatewayConfig } from '#libs/contracts';
import { buildUpstreams } from '../build-upstreams.js';
import type { DialectSettings, DrawRequest, DrawResult } from '../dialect.js';
import { failureOfDialect } from '../dialect-failure.js';
import { EgressClient } from '../egress/egress-client.js';
import { openEgressFetch } from '../egress/egress-fetch.js';
import type { Upstream } from '../upstream.js';

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);
const b64 = png.toString('base64');
const dataUri = `data:image/png;base64,${b64}`;
const image = { bytes: png, contentType: 'image/png' };

interface Asked {
  readonly method: string | undefined;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  // oxlint-disable-next-line typescript/no-explicit-any -- the vendors' own shapes, looked at in tests only
  readonly body: any;
}
type Answer = { readonly status?: number; readonly json?: unknown; readonly bytes?: Buffer };

let origin: string;
let answer: (asked: Asked) => Answer;
const asked: Asked[] = [];
const downloaded: string[] = [];
const egress = new EgressClient();
let upstreams: ReadonlyMap<string, Upstream>;

const server = createServer((request, response) => void serve(request, response));

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const { method, url: path = '', headers } = request;
  const one: Asked = { method, path, headers, body: text === '' ? undefined : JSON.parse(text) };
  asked.push(one);
  const { status = 200, json, bytes } = answer(one);
  const type = bytes ? 'image/png' : 'application/json';
  response.writeHead(status, { 'content-type': type }).end(bytes ?? JSON.stringify(json));
}

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = (id: string) => ({
    baseUrl: `${origin}/${id}`,
    apiKey: 'env:KEY',
    variables: { region: 'eu-west-1' },
  });
  const ids = ['google', 'bedrock', 'xai', 'fal', 'replicate', 'black-forest-labs', 'luma', 'fireworks'];
  const config = gatewayConfig.parse({
    apiVersion: 'modapi/v1',
    providers: Object.fromEntries(ids.map((id) => [id, provider(id)])),
  });
  const built = buildUpstreams(config, { readSecret: () => 'the-secret-key' });
  expect(built.problems).toEqual([]);
  upstreams = built.value;
});

afterAll(async () => {
  await egress.close();
  server.close();
  server.closeAllConnections();
});

beforeEach(() => {
  asked.length = 0;
  downloaded.length = 0;
});

async function draw(id: string, model: string, request: Partial<DrawRequest> = {}): Promise<DrawResult> {
  const upstream = upstreams.get(id) as Upstream;
  const signal = new AbortController().signal;
  const way = openEgressFetch({ egress, upstream, signal, ownHeaders: [] });
  const whole: DrawRequest = {
    ...{ prompt: 'a cat', n: 1, size: undefined, aspectRatio: undefined, quality: undefined, seed: undefined },
    ...{ images: [], mask: undefined },
    ...request,
  };
  const download: DialectSettings['download'] = async (url) => {
    downloaded.push(url);
    return image;
  };
  return upstream.speak(way.fetch, (dialect, settings) => {
    if (!dialect.draw) throw new Error('draws nothing');
    return dialect.draw({ settings: { ...settings, download }, model, request: whole, signal });
  });
}

async function failureOf(id: string, model: string) {
  const upstream = upstreams.get(id) as Upstream;
  try {
    await draw(id, model);
  } catch (error) {
    return failureOfDialect(error, { upstream, model, upstreamModel: model });
  }
  throw new Error('it did not fail');
}

describe('fal', () => {
  beforeEach(() => {
    answer = () => ({ json: { images: [{ url: 'https://fal.media/files/a.png', width: 1, height: 1 }], seed: 5 } });
  });

  it('is asked once per image, and its results are fetched without our key', async () => {
    const { images, usage } = await draw('fal', 'fal-ai/flux/dev', { n: 3, size: '1024x768', seed: 7 });
    expect(images).toEqual([image, image, image]);
    expect(usage).toBeUndefined();
    expect(asked).toHaveLength(3);
    expect(asked[0]).toMatchObject({
      path: '/fal/fal-ai/flux/dev',
      headers: { authorization: 'Key the-secret-key' },
      body: { prompt: 'a cat', image_size: { width: 1024, height: 768 }, num_images: 1, seed: 7 },
    });
    expect(downloaded).toEqual(Array.from({ length: 3 }, () => 'https://fal.media/files/a.png'));
  });

  it('is told a ratio where a model wants one, and images by list where it takes one', async () => {
    await draw('fal', 'fal-ai/nano-banana/edit', { aspectRatio: '16:9', images: [image, image] });
    expect(asked[0]?.body).toMatchObject({ aspect_ratio: '16:9', image_urls: [dataUri, dataUri] });
    expect(asked[0]?.body).not.toHaveProperty('image_size');
    await draw('fal', 'fal-ai/flux-lora/inpainting', { images: [image], mask: image });
    expect(asked[1]?.body).toMatchObject({ image_url: dataUri, mask_url: dataUri });
  });

  it('refuses what it finds invalid, with its own words', async () => {
    answer = () => ({
      status: 422,
      json: { detail: [{ loc: ['body', 'prompt'], msg: 'too long', type: 'value_error' }] },
    });
    const failure = await failureOf('fal', 'fal-ai/flux/dev');
    expect(failure).toMatchObject({ kind: 'rejected', failover: false });
    expect(failure.error.message).toContain('too long');
  });
});

describe('Replicate', () => {
  const done = { status: 'succeeded', output: ['https://replicate.delivery/a.png'], error: null };
  const urls = () => ({ get: `${origin}/replicate/predictions/1` });

  it('is looked at until it is done', async () => {
    let looks = 0;
    answer = ({ method }) => {
      if (method === 'POST') return { json: { status: 'starting', output: null, error: null, urls: urls() } };
      return { json: ++looks < 2 ? { status: 'processing', urls: urls() } : { ...done, urls: urls() } };
    };
    const { images } = await draw('replicate', 'black-forest-labs/flux-schnell', { aspectRatio: '3:2', seed: 1 });
    expect(images).toEqual([image]);
    expect(asked[0]).toMatchObject({
      path: '/replicate/models/black-forest-labs/flux-schnell/predictions',
      headers: { authorization: 'Bearer the-secret-key', prefer: 'wait' },
      body: { input: { prompt: 'a cat', aspect_ratio: '3:2', seed: 1, num_outputs: 1 } },
    });
    expect(downloaded).toEqual(['https://replicate.delivery/a.png']);
  });

  it('gets input images under the names that its models have', async () => {
    answer = () => ({ json: { ...done, urls: urls() } });
    await draw('replicate', 'black-forest-labs/flux-redux-dev', { prompt: '', images: [image] });
    expect(asked[0]?.body.input).toMatchObject({ redux_image: dataUri });
    await draw('replicate', 'black-forest-labs/flux-2-pro', { images: [image, image] });
    expect(asked[1]?.body.input).toMatchObject({ input_image: dataUri, input_image_2: dataUri });
  });

  it('refuses content, and that is the end', async () => {
    answer = () => ({ json: { status: 'failed', error: 'NSFW content detected', urls: urls() } });
    const failure = await failureOf('replicate', 'black-forest-labs/flux-schnell');
    expect(failure).toMatchObject({ kind: 'rejected', failover: false, error: { status: 400 } });
    expect(failure.error.toOpenAi().code).toBe('content_policy_violation');
  });
});

describe('Black Forest Labs', () => {
  const job = () => ({ id: 'job', polling_url: `${origin}/black-forest-labs/get_result?id=job` });

  it('is looked at until it is ready', async () => {
    let looks = 0;
    answer = ({ method }) => {
      if (method === 'POST') return { json: job() };
      const ready = { status: 'Ready', result: { sample: 'https://delivery-eu1.bfl.ai/a.png' } };
      return { json: ++looks < 2 ? { status: 'Pending' } : ready };
    };
    const { images } = await draw('black-forest-labs', 'flux-pro-1.1', { size: '1024x768' });
    expect(images).toEqual([image]);
    expect(asked[0]).toMatchObject({
      path: '/black-forest-labs/flux-pro-1.1',
      headers: { 'x-key': 'the-secret-key' },
      body: { prompt: 'a cat', width: 1024, height: 768 },
    });
    expect(downloaded).toEqual(['https://delivery-eu1.bfl.ai/a.png']);
  });

  it('is given the image of a variation as its prompt', async () => {
    answer = ({ method }) =>
      method === 'POST' ? { json: job() } : { json: { status: 'Ready', result: { sample: 'https://d.bfl.ai/a' } } };
    await draw('black-forest-labs', 'flux-pro-1.1', { prompt: '', images: [image] });
    expect(asked[0]?.body).toMatchObject({ image_prompt: b64 });
    expect(asked[0]?.body).not.toHaveProperty('input_image');
  });

  it.each(['Request Moderated', 'Content Moderated'])('ends at once when it says %s', async (status) => {
    answer = ({ method }) => ({ json: method === 'POST' ? job() : { status } });
    expect(await failureOf('black-forest-labs', 'flux-pro-1.1')).toMatchObject({
      kind: 'rejected',
      failover: false,
      error: { status: 400 },
    });
  });
});

describe('Luma', () => {
  it('is looked at until it is done', async () => {
    answer = ({ method }) => ({
      json:
        method === 'POST'
          ? { id: 'g', state: 'queued' }
          : { id: 'g', state: 'completed', assets: { image: 'https://storage.cdn-luma.com/a.png' } },
    });
    const { images } = await draw('luma', 'photon-1', { aspectRatio: '16:9' });
    expect(images).toEqual([image]);
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /luma/dream-machine/v1/generations/image',
      'GET /luma/dream-machine/v1/generations/g',
    ]);
    expect(asked[0]?.body).toMatchObject({ prompt: 'a cat', aspect_ratio: '16:9', model: 'photon-1' });
    expect(downloaded).toEqual(['https://storage.cdn-luma.com/a.png']);
  });
});

describe('Fireworks', () => {
  it('answers with bytes', async () => {
    answer = () => ({ bytes: png });
    const model = 'accounts/fireworks/models/flux-1-schnell-fp8';
    const { images } = await draw('fireworks', model, { aspectRatio: '1:1' });
    expect(images).toEqual([image]);
    expect(asked[0]).toMatchObject({
      path: `/fireworks/workflows/${model}/text_to_image`,
      body: { aspect_ratio: '1:1' },
    });
  });

  it('answers with a job for edits', async () => {
    answer = ({ path }) => ({
      json: path.endsWith('/get_result')
        ? { id: 'r', status: 'Ready', result: { sample: 'https://cdn.example.com/a.png' } }
        : { request_id: 'r' },
    });
    await draw('fireworks', 'accounts/fireworks/models/flux-kontext-pro', { images: [image] });
    expect(asked[0]?.body).toMatchObject({ input_image: dataUri });
    expect(downloaded).toEqual(['https://cdn.example.com/a.png']);
  });
});

describe('Google', () => {
  const parts = (finishReason: string, content: object[]) => ({
    candidates: [{ content: { parts: content, role: 'model' }, finishReason }],
    usageMetadata: { promptTokenCount: 6, candidatesTokenCount: 1290, totalTokenCount: 1296 },
  });

  it('draws with images and a ratio, and reports tokens', async () => {
    answer = () => ({ json: parts('STOP', [{ inlineData: { mimeType: 'image/png', data: b64 } }]) });
    const { images, usage } = await draw('google', 'gemini-2.5-flash-image', {
      n: 2,
      aspectRatio: '16:9',
      images: [image],
    });
    expect(images.map(({ contentType }) => contentType)).toEqual(['image/png', 'image/png']);
    expect(usage).toEqual({ input: 12, output_image: 2580 });
    expect(asked[0]).toMatchObject({
      path: '/google/models/gemini-2.5-flash-image:generateContent',
      headers: { 'x-goog-api-key': 'the-secret-key' },
      body: { generationConfig: { responseModalities: ['IMAGE'], imageConfig: { aspectRatio: '16:9' } } },
    });
    expect(JSON.stringify(asked[0]?.body)).toContain(b64);
  });

  it('refuses content, and that is the end', async () => {
    answer = () => ({ json: parts('IMAGE_SAFETY', []) });
    expect(await failureOf('google', 'gemini-2.5-flash-image')).toMatchObject({
      kind: 'rejected',
      failover: false,
      error: { status: 400 },
    });
  });
});

describe('Bedrock', () => {
  it('makes five images per call, in the quality that was asked for', async () => {
    answer = ({ body }) => ({
      json: { images: Array.from({ length: body.imageGenerationConfig.numberOfImages as number }, () => b64) },
    });
    const request = { n: 7, size: '1024x1024', quality: 'premium', seed: 3 };
    const { images } = await draw('bedrock', 'amazon.nova-canvas-v1:0', request);
    expect(images).toHaveLength(7);
    expect(asked.map(({ body }) => (body as { imageGenerationConfig: object }).imageGenerationConfig)).toEqual([
      { width: 1024, height: 1024, seed: 3, numberOfImages: 5, quality: 'premium' },
      { width: 1024, height: 1024, seed: 3, numberOfImages: 2, quality: 'premium' },
    ]);
    expect(asked[0]).toMatchObject({
      path: '/bedrock/model/amazon.nova-canvas-v1%3A0/invoke',
      headers: { authorization: 'Bearer the-secret-key' },
    });
  });

  it('edits within a mask', async () => {
    answer = () => ({ json: { images: [b64] } });
    await draw('bedrock', 'amazon.nova-canvas-v1:0', { images: [image], mask: image });
    expect(asked[0]?.body).toMatchObject({ taskType: 'INPAINTING', inPaintingParams: { image: b64, maskImage: b64 } });
  });
});

describe("Stability's models on Bedrock", () => {
  const model = 'stability.stable-image-core-v1:1';

  it('are asked in their own words', async () => {
    answer = () => ({ json: { images: [b64], seeds: [1], finish_reasons: [null] } });
    const { images } = await draw('bedrock', model, { n: 2, aspectRatio: '16:9', seed: 1 });
    expect(images).toHaveLength(2);
    expect(asked[0]).toMatchObject({
      path: `/bedrock/model/${encodeURIComponent(model)}/invoke`,
      headers: { authorization: 'Bearer the-secret-key' },
      body: { prompt: 'a cat', aspect_ratio: '16:9', seed: 1 },
    });
  });

  it('refuse content, and that is the end', async () => {
    answer = () => ({ json: { images: [], seeds: [], finish_reasons: ['Filter reason: prompt'] } });
    expect(await failureOf('bedrock', model)).toMatchObject({ kind: 'rejected', error: { status: 400 } });
  });
});

describe('xAI', () => {
  it('edits images within JSON', async () => {
    answer = () => ({ json: { data: [{ b64_json: b64, revised_prompt: 'a tabby' }] } });
    const { images } = await draw('xai', 'grok-imagine-image', { images: [image], aspectRatio: '1:1' });
    expect(images).toEqual([{ ...image, bytes: png, revisedPrompt: 'a tabby' }]);
    expect(asked[0]).toMatchObject({
      path: '/xai/images/edits',
      body: { image: { url: dataUri }, aspect_ratio: '1:1' },
    });
  });
});

describe('errors of every vendor', () => {
  const models = [
    ['google', 'gemini-2.5-flash-image'],
    ['bedrock', 'amazon.nova-canvas-v1:0'],
    ['bedrock', 'stability.sd3-5-large-v1:0'],
    ['xai', 'grok-imagine-image'],
    ['fal', 'fal-ai/flux/dev'],
    ['replicate', 'black-forest-labs/flux-schnell'],
    ['black-forest-labs', 'flux-pro-1.1'],
    ['luma', 'photon-1'],
    ['fireworks', 'accounts/fireworks/models/flux-1-schnell-fp8'],
  ] as const;

  it.each(models)('of %s are told apart', async (id, model) => {
    const kinds: string[] = [];
    for (const status of [401, 429, 500]) {
      answer = () => ({ status, json: { error: { message: 'the-secret-key is bad' }, detail: 'no', message: 'no' } });
      const failure = await failureOf(id, model);
      kinds.push(failure.kind);
      expect(failure.error.message).not.toContain('the-secret-key');
    }
    expect(kinds).toEqual(['credential', 'rate_limited', 'unavailable']);
  });

  it.each(models)(
    'of %s: one image that fails makes the whole request fail, and nothing more is begun',
    async (id, model) => {
      answer = () => ({ status: 500, json: { error: { message: 'no' }, detail: 'no', message: 'no' } });
      await expect(draw(id, model, { n: 10 })).rejects.toThrow();
      // Whatever a test before this one gave up may still arrive.
      expect(asked.filter(({ path }) => path.startsWith(`/${id}/`)).length).toBeLessThanOrEqual(4);
    },
  );
});
