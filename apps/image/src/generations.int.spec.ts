import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { imagesGenerations } from '#libs/contracts';
import { answers, type Script, ScriptedUpstream } from '../../../libs/inference/src/testing/scripted-upstream.js';
import { type BenchCall, type Reply, WorkerBench } from '../../../libs/inference/src/testing/worker-bench.js';
import { imageAppWith } from './image-app.js';
import { MemoryStore, picture } from './testing/sample-images.js';

const usage = {
  total_tokens: 1086,
  input_tokens: 30,
  output_tokens: 1056,
  input_tokens_details: { text_tokens: 10, image_tokens: 20 },
};
const byTokens = { input: '5', input_image: '10', output_image: '40' };
const mediaUrl = 'https://gateway.example/v1/media/';
const body = { model: 'painter', prompt: 'a blue square' };

let upstream: ScriptedUpstream;
let bench: WorkerBench;
let png: Buffer;
let upstreamUrl: string;
const store = new MemoryStore();

beforeAll(async () => {
  upstream = new ScriptedUpstream();
  upstreamUrl = await upstream.listen();
  const provider = (name: string) => ({ preset: 'openai-compatible', baseUrl: `${upstreamUrl}/${name}/v1` });
  const model = (id: string, deployments: object[]) => ({ id, endpoints: ['images.generations'], deployments });
  bench = await WorkerBench.start(
    imageAppWith(store),
    {
      providers: { up: provider('up'), second: provider('second') },
      models: [
        model('painter', [{ provider: 'up', model: 'gpt-image-1', price: byTokens }]),
        model('by-piece', [
          { provider: 'up', model: 'dall-e-3', price: { images: { '1024x1024/hd': '0.08', default: '0.04' } } },
        ]),
        model('by-pair', [
          { provider: 'up', model: 'x', price: { images: { '1024x1024/low': '0.011', '640x320/low': '0.02' } } },
        ]),
        model('by-pixel', [{ provider: 'up', model: 'flux', price: { megapixels: '0.01' } }]),
        model('twice', [
          { provider: 'up', model: 'dall-e-3', price: byTokens, priority: 0 },
          { provider: 'second', model: 'other', price: byTokens, priority: 1 },
        ]),
      ],
    },
    { MODAPI_EGRESS_ALLOWED_ADDRESSES: '127.0.0.0/8' },
  );
  png = await picture(64, 48);
  upstream.script('files', (response) => void response.writeHead(200, { 'content-type': 'image/png' }).end(png));
});

afterAll(async () => {
  await bench.stop();
  upstream.close();
});

async function generate(options: Partial<BenchCall> = {}): Promise<Reply & { json: Answer; requestId: string }> {
  const requestId = bench.nextRequestId();
  const reply = await bench.call({ endpoint: imagesGenerations, body, mediaUrl, requestId, ...options });
  return { ...reply, requestId, json: (reply.body.startsWith('{') ? JSON.parse(reply.body) : {}) as Answer };
}

interface Answer {
  readonly created: number;
  readonly data: readonly { readonly b64_json?: string; readonly url?: string; readonly revised_prompt?: string }[];
}

function usageOf(requestId: string) {
  return bench.eventsOf(requestId).map(({ usage: counted, usage_source: source }) => ({ ...counted, source }));
}

describe('images of a prompt, passed on', () => {
  it('are the bytes of the provider, charged by the tokens that it reports', async () => {
    const answer = JSON.stringify({
      created: 1,
      data: [{ b64_json: png.toString('base64') }],
      size: '1024x1024',
      usage,
    });
    upstream.script('up', answers(200, answer));
    const reply = await generate();
    expect(reply.body).toBe(answer);
    expect(reply.headers).toMatchObject({ 'content-type': expect.stringContaining('application/json') });
    expect(JSON.parse(upstream.of('up')[0]?.body ?? '')).toEqual({ ...body, model: 'gpt-image-1' });
    expect(upstream.of('up')[0]?.path).toBe('/up/v1/images/generations');
    expect(usageOf(reply.requestId)).toEqual([{ input: 10, input_image: 20, output_image: 1056, source: 'provider' }]);
    // 10 × 5 $ + 20 × 10 $ + 1056 × 40 $ per million
    expect(reply.headers['x-modapi-cost-nano-usd']).toBe('42490000');
  });

  it('are estimated where a price by tokens meets a provider that reports none', async () => {
    upstream.script('up', answers(200, { created: 1, data: [{ b64_json: 'AAAA' }] }));
    const { requestId } = await generate({ facts: { n: 1, size: '1024x1536', quality: 'low' } });
    expect(usageOf(requestId)).toEqual([{ input: expect.any(Number), output_image: 408, source: 'estimated' }]);
    expect(usageOf(requestId)[0]?.input).toBeGreaterThan(1);
  });

  it('are charged by the piece of its size and quality', async () => {
    upstream.script('up', answers(200, { created: 1, data: [{ b64_json: 'AAAA' }, { b64_json: 'BBBB' }] }));
    const model = { ...body, model: 'by-piece' };
    const facts = { n: 2, size: '1024x1024', quality: 'hd', responseFormat: 'b64_json' };
    const hd = await generate({ body: model, facts });
    expect(usageOf(hd.requestId)).toEqual([{ 'images:1024x1024/hd': 2, source: 'counted' }]);
    expect(hd.headers['x-modapi-cost-nano-usd']).toBe('160000000');
    const plain = await generate({ body: model, facts: { ...facts, quality: 'standard' } });
    expect(plain.headers['x-modapi-cost-nano-usd']).toBe('80000000');
  });

  it.each([
    ['1536x1024', 'high', 'AAAA', 'images:1024x1024/low'],
    ['640x320', 'low', 'AAAA', 'images:1024x1024/low'],
    ['640x320', 'low', 'its bytes', 'images:640x320/low'],
    ['8192x8192', 'low', 'its bytes', 'images:640x320/low'],
    // Of a quality that has no price, what was asked for.
    ['640x320', 'high', 'its bytes', 'images:1024x1024/low'],
  ])('told to be %s in %s, with %s, are charged as %s', async (size, quality, bytes, variant) => {
    const b64_json = bytes === 'AAAA' ? bytes : (await picture(640, 320)).toString('base64');
    upstream.script('up', answers(200, { created: 1, data: [{ b64_json }], size, quality }));
    const facts = { n: 1, size: '1024x1024', quality: 'low' };
    const { requestId } = await generate({ body: { ...body, model: 'by-pair' }, facts });
    expect(usageOf(requestId)).toEqual([{ [variant]: 1, source: 'counted' }]);
  });

  it('of which neither what came nor what was asked for has a price are the dearest that has one', async () => {
    upstream.script('up', answers(200, { created: 1, data: [{ b64_json: 'AAAA' }], quality: 'high' }));
    const facts = { n: 1, size: '1024x1024', quality: 'medium' };
    const { requestId } = await generate({ body: { ...body, model: 'by-pair' }, facts });
    expect(usageOf(requestId)).toEqual([{ 'images:640x320/low': 1, source: 'counted' }]);
  });

  it('beyond the number that was asked for are not charged', async () => {
    const three = Array.from({ length: 3 }, () => ({ b64_json: 'AAAA' }));
    upstream.script('up', answers(200, { created: 1, data: three }));
    const { requestId } = await generate({ body: { ...body, model: 'by-piece' }, facts: { n: 1 } });
    expect(Object.values(usageOf(requestId)[0] ?? {})).toEqual([1, 'counted']);
  });

  it('are charged by pixels, measured where nobody says the size', async () => {
    const big = (await picture(640, 320)).toString('base64');
    upstream.script('up', answers(200, { created: 1, data: [{ b64_json: big }, { b64_json: big }] }));
    const model = { ...body, model: 'by-pixel' };
    const measured = await generate({ body: model, facts: { n: 2, size: 'auto' } });
    expect(usageOf(measured.requestId)).toEqual([expect.objectContaining({ pixels: 2 * 640 * 320 })]);
    const told = await generate({ body: model, facts: { n: 2, size: '1000x500' } });
    expect(usageOf(told.requestId)).toEqual([expect.objectContaining({ pixels: 1_000_000 })]);
  });

  it('are brought from the URL of a provider when base64 was asked for', async () => {
    const url = `${upstreamUrl}/files/1.png`;
    upstream.script('up', answers(200, { created: 7, data: [{ url, revised_prompt: 'a "blue" square' }] }));
    const reply = await generate({ body: { ...body, model: 'by-piece' }, facts: { responseFormat: 'b64_json' } });
    expect(reply.json).toEqual({
      created: 7,
      data: [{ b64_json: png.toString('base64'), revised_prompt: 'a "blue" square' }],
    });
    // Nothing of ours goes there.
    expect(upstream.of('files')[0]?.headers).not.toHaveProperty('authorization');
  });

  it('become links of ours when URLs were asked for, and the provider need not know', async () => {
    upstream.script('up', answers(200, { created: 1, data: [{ b64_json: png.toString('base64') }], usage }));
    const reply = await generate({ body: { ...body, response_format: 'url' }, facts: { responseFormat: 'url' } });
    const [image] = reply.json.data;
    expect(image).toEqual({
      url: expect.stringMatching(/^https:\/\/gateway\.example\/v1\/media\/image-\d+\?expires=\d+$/),
    });
    const name = /media\/([^?]+)/.exec(image?.url ?? '')?.[1] ?? '';
    expect(store.images.get(name)).toMatchObject({ contentType: 'image/png', organizationId: 'org_1' });
    expect(Buffer.from(store.images.get(name)?.bytes ?? [])).toEqual(png);
    const expires = Number(/expires=(\d+)/.exec(image?.url ?? '')?.[1]) - Date.now() / 1000;
    expect(expires).toBeGreaterThan(3500);
    expect(expires).toBeLessThanOrEqual(3600);
    expect(JSON.parse(upstream.of('up')[0]?.body ?? '')).not.toHaveProperty('response_format');
  });

  it("become links of ours even where the provider's own were answered", async () => {
    const url = `${upstreamUrl}/files/2.png`;
    upstream.script('up', answers(200, { created: 1, data: [{ url }, { url }] }));
    const asked = { ...body, model: 'by-piece', response_format: 'url' };
    const reply = await generate({ body: asked, facts: { responseFormat: 'url', n: 2 } });
    expect(reply.json.data.map((image) => image.url?.startsWith(mediaUrl))).toEqual([true, true]);
    expect(JSON.parse(upstream.of('up')[0]?.body ?? '')).toHaveProperty('response_format', 'url');
  });

  it('go to another provider when an image is not where its answer says', async () => {
    upstream.script('up', answers(200, { created: 1, data: [{ url: `${upstreamUrl}/gone/x.png` }] }));
    upstream.script('gone', answers(404, 'no'));
    upstream.script('second', answers(200, { created: 2, data: [{ b64_json: png.toString('base64') }], usage }));
    const reply = await generate({ body: { ...body, model: 'twice' }, facts: { responseFormat: 'b64_json' } });
    expect(reply.json.created).toBe(2);
    expect(bench.eventsOf(reply.requestId).map(({ outcome, usage_source: source }) => [outcome, source])).toEqual([
      ['upstream_error', 'none'],
      ['done', 'provider'],
    ]);
  });

  it.each([
    ['an error of the caller', 400, 'upstream_rejected', 400],
    ['a wrong key', 401, 'upstream_error', 502],
    ['too many requests', 429, 'upstream_rate_limited', 429],
    ['a broken provider', 500, 'upstream_error', 502],
  ])('end with the right error for %s', async (_, status, code, told) => {
    upstream.script('up', answers(status, { error: { message: 'no', type: 'x', param: null, code: 'y' } }));
    const { error } = await generate();
    expect(error?.gateway).toMatchObject({ code });
    if (error?.gateway?.status !== undefined) expect(error.gateway.status).toBe(told);
  });

  it('of a body that is none are a failure, and cost nothing', async () => {
    upstream.script('up', answers(200, '{"created":1,"data":[]}'));
    const { error, requestId } = await generate();
    expect(error?.gateway?.code).toBe('upstream_error');
    expect(usageOf(requestId)).toEqual([{ source: 'none' }]);
  });
});

describe('a stream of images', () => {
  const event = (type: string, rest: object) =>
    `event: image_generation.${type}\ndata: ${JSON.stringify({ type: `image_generation.${type}`, ...rest })}\n\n`;
  const details = { created_at: 1, size: '1024x1024', quality: 'low', background: 'opaque', output_format: 'png' };
  const large = 'A'.repeat(3_000_000);
  const partial = event('partial_image', { b64_json: large, partial_image_index: 0, ...details });
  const completed = event('completed', { b64_json: large, ...details, usage });
  const streamed = { ...body, stream: true, partial_images: 1 };

  const sends =
    (pieces: readonly (string | Promise<unknown>)[]): Script =>
    async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const piece of pieces) {
        if (typeof piece === 'string') response.write(piece);
        else await piece;
      }
      response.end();
    };

  it('passes each event on as it comes, and is charged by the last one', async () => {
    const heard = Promise.withResolvers<void>();
    upstream.script('up', sends([partial, heard.promise, completed]));
    let bytes = 0;
    const reply = await generate({
      body: streamed,
      onData(chunk) {
        bytes += chunk.length;
        // The second event is not sent before the first one was heard whole.
        if (bytes === partial.length) heard.resolve();
        return chunk.length;
      },
    });
    expect(reply.body).toBe(partial + completed);
    expect(reply.headers['content-type']).toMatch(/^text\/event-stream/);
    expect(usageOf(reply.requestId)).toEqual([{ input: 10, input_image: 20, output_image: 1056, source: 'provider' }]);
  });

  it('that is cut off says so in-band, and is not charged as an image', async () => {
    upstream.script('up', sends([partial]));
    const reply = await generate({ body: streamed, hold: { outputTokens: 10_000, extensible: false } });
    expect(reply.body.startsWith(partial)).toBe(true);
    expect(JSON.parse(reply.body.slice(`${partial}event: error\ndata: `.length))).toMatchObject({
      error: { code: 'upstream_interrupted' },
    });
    expect(bench.eventsOf(reply.requestId)[0]).toMatchObject({
      outcome: 'truncated',
      usage: {},
      usage_source: 'none',
    });
    // At once: nobody waits for the lease of its hold.
    await settled(() => bench.ledger.of(reply.requestId).some(({ kind }) => kind === 'release'));
  });

  it('that fails before its first image is another provider’s chance', async () => {
    upstream.script('up', sends(['event: error\ndata: {"type":"error","error":{"message":"no","code":"x"}}\n\n']));
    upstream.script('second', sends([completed]));
    const reply = await generate({ body: { ...streamed, model: 'twice' } });
    expect(reply.body).toBe(completed);
  });

  it('of a provider that answers whole is one completed event', async () => {
    upstream.script('up', answers(200, { created: 1, data: [{ b64_json: 'AAAA' }], size: '1024x1024', usage }));
    const { body: text } = await generate({ body: streamed });
    const [first, data] = text.trimEnd().split('\n');
    expect(first).toBe('event: image_generation.completed');
    expect(JSON.parse(data?.slice('data: '.length) ?? '')).toMatchObject({
      type: 'image_generation.completed',
      b64_json: 'AAAA',
      size: '1024x1024',
      quality: 'auto',
      usage: { total_tokens: 1086 },
    });
  });

  it('left by its caller ends the call of the provider', async () => {
    const never = new Promise<void>(() => undefined);
    upstream.script('up', sends([partial, never]));
    const reply = await generate({
      body: streamed,
      onData(chunk, handle) {
        handle.cancel('left');
        return chunk.length;
      },
    });
    await upstream.of('up')[0]?.aborted;
    await settled(() => bench.eventsOf(reply.requestId).length === 1);
    expect(bench.eventsOf(reply.requestId)[0]).toMatchObject({ outcome: 'client_abort' });
  });
});

async function settled(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
