import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { imagesEdits, imagesVariations, subjectOf } from '#libs/contracts';
import type { BodySource, CallError } from '#libs/messaging';
import { answers, ScriptedUpstream } from '../../../libs/inference/src/testing/scripted-upstream.js';
import { type BenchFile, WorkerBench } from '../../../libs/inference/src/testing/worker-bench.js';
import { imageAppWith } from './image-app.js';
import { FormUpstream } from './testing/form-upstream.js';
import { mask, picture } from './testing/sample-images.js';

const megabyte = 1024 * 1024;
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const usage = {
  total_tokens: 1356,
  input_tokens: 300,
  output_tokens: 1056,
  input_tokens_details: { text_tokens: 10, image_tokens: 290 },
};
const price = { input: '5', input_image: '10', output_image: '40' };
const answer = JSON.stringify({ created: 1, data: [{ b64_json: 'AAAA' }], usage });

const forms = new FormUpstream();
const vendor = new ScriptedUpstream();
let vendorUrl: string;
let bench: WorkerBench;
let png: Buffer;

beforeAll(async () => {
  await forms.listen();
  vendorUrl = await vendor.listen();
  const provider = (name: string) => ({ preset: 'openai-compatible', baseUrl: `${forms.url}/${name}/v1` });
  const endpoints = ['images.generations', 'images.edits', 'images.variations'];
  const model = (id: string, deployments: object[]) => ({ id, endpoints, deployments });
  bench = await WorkerBench.start(
    imageAppWith(undefined),
    {
      providers: {
        ...{ up: provider('up'), second: provider('second') },
        bedrock: { baseUrl: `${vendorUrl}/bedrock`, apiKey: 'env:VENDOR_KEY', variables: { region: 'eu-west-1' } },
        fal: { baseUrl: `${vendorUrl}/fal`, apiKey: 'env:VENDOR_KEY' },
      },
      models: [
        model('editor', [{ provider: 'up', model: 'gpt-image-1', price }]),
        model('twice', [
          { provider: 'up', model: 'first', price, priority: 0 },
          { provider: 'second', model: 'other', price, priority: 1 },
        ]),
        model('canvas', [{ provider: 'bedrock', model: 'amazon.nova-canvas-v1:0', price: { images: '0.04' } }]),
        model('redux', [{ provider: 'fal', model: 'fal-ai/flux/dev/redux', price: { images: '0.025' } }]),
        model('flux', [{ provider: 'fal', model: 'fal-ai/flux/dev', price: { images: '0.025' } }]),
      ],
    },
    { VENDOR_KEY: 'vendor-key', MODAPI_EGRESS_ALLOWED_ADDRESSES: '127.0.0.0/8' },
  );
  png = await picture(64, 64);
});

afterAll(async () => {
  await bench.stop();
  forms.close();
  vendor.close();
});

beforeEach(() => {
  forms.received.length = 0;
  forms.onBytes = () => undefined;
  forms.answers.set('up', (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(answer));
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const file = (name: string, bytes: Uint8Array): BenchFile => ({
  name,
  filename: 'a.png',
  contentType: 'image/png',
  bytes,
});

function edit(model: string, files: BenchFile[], rest: [string, string][] = [], requestId = bench.nextRequestId()) {
  const fields = [['model', model], ['prompt', 'bluer'], ...rest].map(([name = '', value = '']) => ({ name, value }));
  return bench.call({ endpoint: imagesEdits, form: { fields, files }, requestId });
}

describe('edits passed on as a form', () => {
  it('reach the provider byte for byte, with only the model rewritten', async () => {
    const requestId = bench.nextRequestId();
    const other = await picture(32, 32, 'webp');
    const files = [file('image[]', png), { ...file('image[]', other), contentType: 'image/webp' }, file('mask', png)];
    const reply = await edit(
      'editor',
      files,
      [
        ['size', '1024x1024'],
        ['response_format', 'b64_json'],
      ],
      requestId,
    );
    expect(reply.body).toBe(answer);
    expect(forms.received[0]).toMatchObject({ path: '/up/v1/images/edits', broken: false });
    expect(forms.received[0]?.contentLength).toBe(forms.received[0]?.bytes);
    // GPT image models refuse to be told the format.
    expect(forms.received[0]?.fields).toEqual([
      ['model', 'gpt-image-1'],
      ['prompt', 'bluer'],
      ['size', '1024x1024'],
    ]);
    expect(forms.received[0]?.files).toEqual([
      { name: 'image[]', filename: 'a.png', contentType: 'image/png', bytes: png.length, sha256: sha256(png) },
      { name: 'image[]', filename: 'a.png', contentType: 'image/webp', bytes: other.length, sha256: sha256(other) },
      { name: 'mask', filename: 'a.png', contentType: 'image/png', bytes: png.length, sha256: sha256(png) },
    ]);
    expect(bench.eventsOf(requestId)[0]?.usage).toEqual({ input: 10, input_image: 290, output_image: 1056 });
  });

  it('are sent again, whole, to a second provider', async () => {
    forms.answers.set('up', (response) => response.writeHead(500, { 'content-type': 'application/json' }).end('{}'));
    forms.answers.set('second', (response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer),
    );
    const reply = await edit('twice', [file('image', png)]);
    expect(reply.body).toBe(answer);
    expect(forms.received.map(({ path }) => path)).toEqual(['/up/v1/images/edits', '/second/v1/images/edits']);
    expect(forms.received.map(({ files }) => files[0]?.sha256)).toEqual([sha256(png), sha256(png)]);
    expect(forms.received.map(({ fields }) => fields[0])).toEqual([
      ['model', 'first'],
      ['model', 'other'],
    ]);
  });

  it('stream their images', async () => {
    const event = `event: image_edit.completed\ndata: ${JSON.stringify({ type: 'image_edit.completed', b64_json: 'AAAA', usage })}\n\n`;
    forms.answers.set('up', (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(event));
    const reply = await edit('editor', [file('image', png)], [['stream', 'true']]);
    expect(reply.body).toBe(event);
  });

  it('pass JSON on untouched but for the model', async () => {
    vendor.script('plain', answers(200, answer));
    const text = `{"images":[{"image_url":"https://example.com/a.png"}],"model":"editor","prompt":"bluer"}`;
    const own = await WorkerBench.start(imageAppWith(undefined), {
      providers: { up: { preset: 'openai-compatible', baseUrl: `${vendorUrl}/plain/v1` } },
      models: [{ id: 'editor', endpoints: ['images.edits'], deployments: [{ provider: 'up', model: 'real', price }] }],
    });
    const reply = await own.call({ endpoint: imagesEdits, body: text });
    await own.stop();
    expect(reply.body).toBe(answer);
    expect(vendor.of('plain')[0]?.body).toBe(text.replace('"editor"', '"real"'));
  });
});

/** Sixteen files whose bytes are made when they are read; nothing of them is kept. */
class MadeFiles implements BodySource {
  readonly fileBytes = 5 * megabyte;
  readonly count = 16;
  readonly length = this.fileBytes * this.count;
  read(position: number, maxBytes: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafe(Math.min(maxBytes, this.length - position, 256 * 1024));
    for (let index = 0; index < bytes.length; index++)
      bytes[index] = ((position + index) * 31 + ((position + index) >> 13)) & 0xff;
    return Promise.resolve(bytes);
  }
}

function callWith(source: MadeFiles, requestId: string) {
  const files = Array.from({ length: source.count }, (_, index) => ({
    ...{ name: 'image[]', filename: `${index}.png`, contentType: 'image/png', bytes: source.fileBytes },
  }));
  const fields = [
    { name: 'model', value: 'editor' },
    { name: 'prompt', value: 'bluer' },
  ];
  const caller = { keyId: 'key_1', organizationId: 'org_1', projectId: 'proj_1', scope: 'inference' };
  const head = {
    ...{ requestId, endpoint: imagesEdits.id, model: 'editor', stream: false, includeUsage: false, attemptsMade: 0 },
    ...{ caller: { ...caller, operator: false, billingMode: 'postpaid' }, form: { fields, files } },
  };
  const ended = Promise.withResolvers<CallError | undefined>();
  const handle = bench.bus.call(
    { subject: subjectOf(imagesEdits), head, body: source, deadlineMs: 60_000 },
    {
      onHead: () => undefined,
      onData: (chunk) => handle.grant(chunk.length),
      onEnd: () => ended.resolve(undefined),
      onError: (error) => ended.resolve(error),
    },
  );
  return { handle, ended: ended.promise };
}

describe('sixteen images of 5 MB', () => {
  it('go through in little memory, byte for byte', async () => {
    const source = new MadeFiles();
    const expected: string[] = [];
    for (let index = 0; index < source.count; index++) {
      const hash = createHash('sha256');
      for (let at = 0; at < source.fileBytes;) {
        const piece = await source.read(index * source.fileBytes + at, source.fileBytes - at);
        hash.update(piece);
        at += piece.length;
      }
      expected.push(hash.digest('hex'));
    }
    const before = liveBytes();
    let most = 0;
    let looked = 0;
    forms.onBytes = ({ bytes }) => {
      if (bytes - looked < 8 * megabyte) return;
      looked = bytes;
      most = Math.max(most, liveBytes() - before);
    };
    const { ended } = callWith(source, bench.nextRequestId());
    expect(await ended).toBeUndefined();
    expect(forms.received[0]?.files.map(({ sha256: hash }) => hash)).toEqual(expected);
    expect(forms.received[0]?.contentLength).toBe(forms.received[0]?.bytes);
    // The form is 80 MB.
    expect(looked).toBeGreaterThan(70 * megabyte);
    // Freed buffers are swept a while after they are garbage: 10 to 26 MB were seen, of 80 MB as of 320 MB.
    expect(most).toBeLessThan(48 * megabyte);
  }, 60_000);

  it('left half-way break the call of the provider, and are charged nothing', async () => {
    const requestId = bench.nextRequestId();
    const source = new MadeFiles();
    const half = Promise.withResolvers<void>();
    forms.onBytes = (form) => {
      if (form.bytes > source.length / 2) half.resolve();
    };
    const { handle } = callWith(source, requestId);
    await half.promise;
    handle.cancel('left');
    await until(() => forms.received[0]?.broken === true && bench.eventsOf(requestId).length === 1);
    expect(forms.received[0]?.bytes).toBeLessThan(source.length);
    expect(bench.eventsOf(requestId)[0]).toMatchObject({ outcome: 'client_abort', usage: {}, usage_source: 'none' });
  }, 30_000);
});

describe("edits in a vendor's own protocol", () => {
  const drawn = () => answers(200, { images: [png.toString('base64')] });
  const asked = () => JSON.parse(vendor.of('bedrock')[0]?.body ?? '') as Record<string, Record<string, string>>;

  it('paint the mask as the vendor wants it, and answer in the format that was asked for', async () => {
    vendor.script('bedrock', drawn());
    const requestId = bench.nextRequestId();
    const files = [file('image', png), file('mask', await mask(64))];
    const reply = await edit(
      'canvas',
      files,
      [
        ['output_format', 'webp'],
        ['quality', 'high'],
        ['n', '1'],
      ],
      requestId,
    );
    const { data, output_format: format } = JSON.parse(reply.body) as {
      data: { b64_json: string }[];
      output_format: string;
    };
    expect(format).toBe('webp');
    expect((await sharp(Buffer.from(data[0]?.b64_json ?? '', 'base64')).metadata()).format).toBe('webp');
    expect(asked()).toMatchObject({ taskType: 'INPAINTING', imageGenerationConfig: { quality: 'premium' } });
    const painted = sharp(Buffer.from(asked()['inPaintingParams']?.['maskImage'] ?? '', 'base64'));
    const { data: pixels, info } = await painted.raw().toBuffer({ resolveWithObject: true });
    // Transparent on the left: black is what changes.
    expect([pixels[0], pixels[(info.width - 1) * info.channels]]).toEqual([0, 255]);
    expect(bench.eventsOf(requestId)[0]).toMatchObject({ usage_source: 'counted', content_delivered: true });
    expect(Object.values(bench.eventsOf(requestId)[0]?.usage ?? {})).toEqual([1]);
  });

  it('take images by URL and within JSON', async () => {
    vendor.script('bedrock', drawn());
    vendor.script('files', (response) => void response.writeHead(200, { 'content-type': 'image/png' }).end(png));
    const images = [
      { image_url: `${vendorUrl}/files/a.png` },
      { image_url: `data:image/png;base64,${png.toString('base64')}` },
    ];
    const reply = await bench.call({ endpoint: imagesEdits, body: { model: 'canvas', prompt: 'bluer', images } });
    expect(reply.status).toBe(200);
    expect(asked()['imageVariationParams']).toMatchObject({
      images: [png.toString('base64'), png.toString('base64')],
      text: 'bluer',
    });
  });

  it('refuse a URL into our own network before anybody is called', async () => {
    vendor.script('bedrock', drawn());
    const images = [{ image_url: 'http://169.254.169.254/latest/meta-data' }];
    const { error } = await bench.call({ endpoint: imagesEdits, body: { model: 'canvas', prompt: 'x', images } });
    expect(error?.gateway).toMatchObject({ code: 'image_url_not_allowed', param: 'images[0].image_url' });
    expect(vendor.of('bedrock')).toHaveLength(0);
  });

  it.each([
    ['a parameter that the vendor lacks', 'canvas', [['style', 'vivid']], 'unsupported_parameter', 'style'],
    ['a quality that the model lacks', 'redux', [['quality', 'high']], 'unsupported_parameter', 'quality'],
    ['a transparent background', 'canvas', [['background', 'transparent']], 'unsupported_value', 'background'],
    ['a size that the model lacks', 'canvas', [['size', '1000x1000']], 'unsupported_value', 'size'],
    ['links, without a store', 'canvas', [['response_format', 'url']], 'unsupported_value', 'response_format'],
    ['edits of a model that makes none', 'flux', [], 'model_not_supported', 'model'],
  ] as const)('refuse %s', async (...[, model, rest, code, param]) => {
    const fields = [['model', model], ['prompt', 'bluer'], ...rest].map(([name = '', value = '']) => ({ name, value }));
    const facts = { responseFormat: rest.some(([name]) => name === 'response_format') ? 'url' : 'b64_json' };
    const form = { fields, files: [file('image', png)] };
    const { error } = await bench.call({ endpoint: imagesEdits, form, facts });
    expect(error?.gateway).toMatchObject({ code, param });
  });
});

describe('variations', () => {
  it('are passed on as a form', async () => {
    const form = { fields: [{ name: 'model', value: 'editor' }], files: [file('image', png)] };
    const reply = await bench.call({ endpoint: imagesVariations, form });
    expect(reply.body).toBe(answer);
    expect(forms.received[0]).toMatchObject({ path: '/up/v1/images/variations', fields: [['model', 'gpt-image-1']] });
  });

  it('are made by models that redraw an image, as many as were asked for', async () => {
    vendor.script('fal', answers(200, { images: [{ url: `${vendorUrl}/files/a.png` }] }));
    vendor.script('files', (response) => void response.writeHead(200, { 'content-type': 'image/png' }).end(png));
    const requestId = bench.nextRequestId();
    const fields = [
      { name: 'model', value: 'redux' },
      { name: 'n', value: '5' },
      { name: 'size', value: '512x512' },
    ];
    const reply = await bench.call({
      ...{ endpoint: imagesVariations, form: { fields, files: [file('image', png)] }, requestId },
      facts: { n: 5, size: '512x512' },
    });
    expect((JSON.parse(reply.body) as { data: unknown[] }).data).toHaveLength(5);
    expect(vendor.of('fal')).toHaveLength(5);
    expect(JSON.parse(vendor.of('fal')[0]?.body ?? '')).toMatchObject({
      image_url: `data:image/png;base64,${png.toString('base64')}`,
      image_size: { width: 512, height: 512 },
    });
    expect(reply.headers['x-modapi-cost-nano-usd']).toBe('125000000');
  });

  it('are refused of models that make none', async () => {
    const form = { fields: [{ name: 'model', value: 'flux' }], files: [file('image', png)] };
    const { error } = await bench.call({ endpoint: imagesVariations, form });
    expect(error?.gateway).toMatchObject({ code: 'model_not_supported', param: 'model' });
  });
});

/** Of buffers, after what is garbage has gone. */
function liveBytes(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
