import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { imagesGenerations } from '#libs/contracts';
import { answers, ScriptedUpstream } from '../../../libs/inference/src/testing/scripted-upstream.js';
import { type BenchCall, WorkerBench } from '../../../libs/inference/src/testing/worker-bench.js';
import { imageAppWith } from './image-app.js';
import { MemoryStore, picture } from './testing/sample-images.js';

const mediaUrl = 'https://gateway.example/v1/media/';
const vendor = new ScriptedUpstream();
const store = new MemoryStore();
let url: string;
let bench: WorkerBench;
let png: Buffer;

beforeAll(async () => {
  url = await vendor.listen();
  const provider = (id: string) => ({ baseUrl: `${url}/${id}`, apiKey: 'env:VENDOR_KEY' });
  const model = (id: string, deployments: object[]) => ({ id, endpoints: ['images.generations'], deployments });
  const fal = { provider: 'fal', model: 'fal-ai/flux/dev', price: { images: '0.025' } };
  const luma = { provider: 'luma', model: 'photon-1', price: { images: '0.016' } };
  bench = await WorkerBench.start(
    imageAppWith(store),
    {
      providers: { fal: provider('fal'), google: provider('google'), luma: provider('luma') },
      models: [
        model('flux', [fal]),
        model('flux-by-pixel', [{ ...fal, price: { megapixels: '0.025' } }]),
        model('either', [
          { ...luma, priority: 0 },
          { ...fal, priority: 1 },
        ]),
        model('banana', [
          { provider: 'google', model: 'gemini-2.5-flash-image', price: { input: '0.3', output_image: '30' } },
        ]),
        model('unknown', [{ provider: 'google', model: 'gemini-2.5-pro', price: { input: '1', output: '1' } }]),
      ],
    },
    { VENDOR_KEY: 'vendor-key', MODAPI_EGRESS_ALLOWED_ADDRESSES: '127.0.0.0/8' },
  );
  png = await picture(128, 64);
  vendor.script('files', (response) => void response.writeHead(200, { 'content-type': 'image/png' }).end(png));
  vendor.script('fal', answers(200, { images: [{ url: `${url}/files/a.png` }] }));
  const parts = [{ inlineData: { mimeType: 'image/png', data: png.toString('base64') } }];
  vendor.script(
    'google',
    answers(200, {
      candidates: [{ content: { parts, role: 'model' }, finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 6, candidatesTokenCount: 1290, totalTokenCount: 1296 },
    }),
  );
});

afterAll(async () => {
  await bench.stop();
  vendor.close();
});

async function generate(body: Record<string, unknown>, rest: Partial<BenchCall> = {}) {
  const requestId = bench.nextRequestId();
  const whole = { model: 'flux', prompt: 'a cat', ...body };
  const { response_format: responseFormat = 'b64_json' } = body as { response_format?: string };
  const facts = { responseFormat, n: Number(body['n'] ?? 1) };
  const call = { endpoint: imagesGenerations, body: whole, mediaUrl, requestId, facts, ...rest };
  const reply = await bench.call(call);
  const json = (reply.body.startsWith('{') ? JSON.parse(reply.body) : {}) as Record<string, unknown>;
  return { ...reply, json, data: (json['data'] ?? []) as { b64_json?: string; url?: string }[], requestId };
}

describe("images in a vendor's own protocol", () => {
  it('are as many as were asked for, charged by the piece', async () => {
    const reply = await generate({ n: 6, size: '1024x1536', user: 'someone', moderation: 'auto' });
    expect(reply.data).toEqual(Array.from({ length: 6 }, () => ({ b64_json: png.toString('base64') })));
    expect(reply.json).toMatchObject({ output_format: 'png', size: '1024x1536' });
    expect(reply.headers).toMatchObject({ 'x-modapi-provider': 'fal', 'x-modapi-cost-nano-usd': '150000000' });
    expect(bench.eventsOf(reply.requestId)).toHaveLength(1);
  });

  it('come in the format and compression that were asked for', async () => {
    const reply = await generate({ output_format: 'jpeg', output_compression: 40 });
    const bytes = Buffer.from(reply.data[0]?.b64_json ?? '', 'base64');
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'jpeg', width: 128, height: 64 });
    expect(reply.json).toMatchObject({ output_format: 'jpeg' });
  });

  it('are links of ours where those were asked for', async () => {
    const { data } = await generate({ n: 2, response_format: 'url' });
    expect(data.map((image) => image.url?.startsWith(mediaUrl))).toEqual([true, true]);
    expect(data[0]).not.toHaveProperty('b64_json');
    expect([...store.images.values()].at(-1)?.bytes).toEqual(png);
  });

  it('are a stream of completed events where one was asked for', async () => {
    const { body, headers } = await generate({ stream: true, partial_images: 3, n: 2 });
    expect(headers['content-type']).toMatch(/^text\/event-stream/);
    expect(body.match(/^event: image_generation\.completed$/gm)).toHaveLength(2);
  });

  it('are charged by tokens that the vendor reports, of all of them together', async () => {
    const reply = await generate({ model: 'banana', n: 2, size: '1024x1024' });
    expect(bench.eventsOf(reply.requestId)[0]).toMatchObject({
      usage: { input: 12, output_image: 2580 },
      usage_source: 'provider',
    });
    expect(reply.json['usage']).toMatchObject({ input_tokens: 12, output_tokens: 2580, total_tokens: 2592 });
  });

  it('are charged by the pixels that came', async () => {
    const { requestId } = await generate({ model: 'flux-by-pixel', n: 2 });
    expect(bench.eventsOf(requestId)[0]?.usage).toMatchObject({ pixels: 2 * 128 * 64 });
  });

  it('are made by the provider whose model can', async () => {
    vendor.script('luma', answers(500, {}));
    // Luma knows ratios, and 5:4 is none of its own.
    const reply = await generate({ model: 'either', size: '1280x1024' });
    expect(reply.headers['x-modapi-provider']).toBe('fal');
    expect(vendor.of('luma')).toHaveLength(0);
  });

  it.each([
    [{ style: 'vivid' }, 'unsupported_parameter', 'style'],
    [{ moderation: 'low' }, 'unsupported_parameter', 'moderation'],
    [{ something: 1 }, 'unsupported_parameter', 'something'],
    [{ model: 'banana', size: '1792x1024' }, 'unsupported_value', 'size'],
    [{ prompt: '' }, 'missing_required_parameter', 'prompt'],
    [{ model: 'unknown' }, 'model_not_supported', 'model'],
  ])('refuse %j', async (body, code, param) => {
    const { error } = await generate(body);
    expect(error?.gateway).toMatchObject({ code, param });
  });

  it('that cannot be fetched from the vendor are its fault, not the caller’s', async () => {
    vendor.script('fal', answers(200, { images: [{ url: 'http://169.254.169.254/a.png' }] }));
    const { error } = await generate({});
    expect(error?.gateway).toMatchObject({ code: 'upstream_error' });
  });

  it('refused for their content are a 400', async () => {
    vendor.script(
      'fal',
      answers(422, { detail: [{ loc: ['body', 'prompt'], msg: 'flagged by a content checker', type: 'x' }] }),
    );
    const { error } = await generate({});
    expect(error?.gateway).toMatchObject({
      ...{ code: 'upstream_rejected', status: 400 },
      upstream: { code: 'content_policy_violation' },
    });
  });
});
