import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI, { toFile } from 'openai';
import sharp from 'sharp';
import { type RunningSandbox, startSandbox } from './start-sandbox.js';

let sandbox: RunningSandbox;
let client: OpenAI;

beforeAll(async () => {
  sandbox = await startSandbox({});
  client = new OpenAI({ baseURL: `${sandbox.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => sandbox.close());

const prompt = 'A quiet harbour at dawn';

async function pixelsOf(base64: string): Promise<Buffer> {
  return sharp(Buffer.from(base64, 'base64')).raw().toBuffer();
}

describe('images of the sandbox', () => {
  it.each(['png', 'jpeg', 'webp'] as const)('are %s files of the size that was asked for', async (format) => {
    const answer = await client.images.generate({
      model: 'sandbox/image',
      prompt,
      size: '768x512',
      quality: 'high',
      output_format: format,
      n: 2,
    });
    expect(answer.data).toHaveLength(2);
    for (const { b64_json: base64 } of answer.data ?? []) {
      expect(await sharp(Buffer.from(base64!, 'base64')).metadata()).toMatchObject({
        format,
        width: 768,
        height: 512,
      });
    }
    expect(answer.usage).toMatchObject({ output_tokens: 12_480, output_tokens_details: { image_tokens: 12_480 } });
  });

  it('show the prompt: another one is another picture, in white letters', async () => {
    const draw = async (text: string) =>
      pixelsOf(
        (await client.images.generate({ model: 'sandbox/image-pixels', prompt: text, size: '256x256' })).data![0]!
          .b64_json!,
      );
    const [one, same, other] = [await draw('AAAA'), await draw('AAAA'), await draw('....')];
    expect(one!.equals(same!)).toBe(true);
    const white = (pixels: Buffer) => pixels.filter((value) => value === 255).length;
    expect(white(one!)).toBeGreaterThan(3 * white(other!));
    expect(white(other!)).toBeGreaterThan(0);
  });

  it('come as a URL that is there', async () => {
    const { data } = await client.images.generate({
      model: 'sandbox/image-sized',
      prompt,
      response_format: 'url',
      size: '256x256',
    });
    const file = await fetch(data![0]!.url!);
    expect(file.headers.get('content-type')).toBe('image/png');
    expect(await sharp(Buffer.from(await file.arrayBuffer())).metadata()).toMatchObject({ width: 256 });
  });

  it('stream partial images, then the whole one with its usage', async () => {
    const stream = await client.images.generate({
      model: 'sandbox/image',
      prompt,
      stream: true,
      partial_images: 2,
      size: '1024x1024',
    });
    const events: string[] = [];
    for await (const event of stream) {
      events.push(event.type);
      expect((await pixelsOf(event.b64_json)).length).toBe(1024 * 1024 * 3);
      if (event.type === 'image_generation.completed') expect(event.usage.output_tokens).toBe(1_056);
    }
    expect(events).toEqual([
      'image_generation.partial_image',
      'image_generation.partial_image',
      'image_generation.completed',
    ]);
  });

  it('are edited and varied from uploads', async () => {
    const red = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#ff0000' } })
      .png()
      .toBuffer();
    const image = await toFile(red, 'red.png', { type: 'image/png' });
    const edited = await client.images.edit({
      model: 'sandbox/image',
      image: [image, image],
      prompt,
      size: '1024x1024',
    });
    expect(edited.usage?.input_tokens_details.image_tokens).toBe(646);
    const pixels = await pixelsOf(edited.data![0]!.b64_json!);
    expect(pixels[0]).toBeGreaterThan(130);
    const varied = await client.images.createVariation({
      model: 'sandbox/image-sized',
      image,
      size: '256x256',
      response_format: 'b64_json',
    });
    expect(await sharp(Buffer.from(varied.data![0]!.b64_json!, 'base64')).metadata()).toMatchObject({ width: 256 });
  });

  it('refuse what is no picture, and a model that cannot', async () => {
    const text = await toFile(Buffer.from('text'), 'a.png', { type: 'image/png' });
    await expect(client.images.edit({ model: 'sandbox/image', image: text, prompt })).rejects.toMatchObject({
      status: 400,
      param: 'image',
    });
    await expect(client.images.createVariation({ model: 'sandbox/image', image: text })).rejects.toMatchObject({
      status: 400,
      param: 'model',
    });
  });

  it.each([
    ['background', { background: 'transparent' as const, output_format: 'jpeg' as const }],
    ['n', { n: 2, stream: true as const }],
  ])('that it cannot make are refused, and the parameter is named: %s', async (param, more) => {
    const made = client.images.generate({ model: 'sandbox/image', prompt, ...more });
    await expect(made).rejects.toMatchObject({ status: 400, param });
  });
});
