import { beforeAll, expect, it } from '@jest/globals';
import OpenAI, { toFile } from 'openai';
import { signMedia } from '#libs/contracts';
import { pictureOf, squarePng } from './media-files.js';
import type { MediaSession } from './media-session.js';

const model = 'sandbox/image';
const prompt = 'A quiet harbour at dawn';
const square = '1024x1024';

/** Every picture of an answer, decoded. */
async function picturesOf({ data = [] }: OpenAI.ImagesResponse) {
  return Promise.all(data.map(async ({ b64_json: base64 }) => pictureOf(Buffer.from(base64 ?? '', 'base64'))));
}

/** `client.images.generate`. */
export function itDraws(session: MediaSession): void {
  it.each([
    ['png', '1024x1024', 'low'],
    ['jpeg', '1536x1024', 'medium'],
    ['webp', '1024x1536', 'high'],
  ] as const)('draws %s of %s, two at once', async (format, size, quality) => {
    const answer = await session.client.images.generate({ model, prompt, n: 2, size, quality, output_format: format });
    const [width, height] = size.split('x').map(Number);
    expect(await picturesOf(answer)).toEqual([
      { format, width, height },
      { format, width, height },
    ]);
    expect(answer.data?.[0]?.b64_json).not.toBe(answer.data?.[1]?.b64_json);
    expect(answer).toMatchObject({ size, quality, output_format: format });
    expect(answer.usage?.output_tokens).toBe(2 * { low: 272, medium: 1_584, high: 6_240 }[quality]);
  });

  it('draws when it is told nothing else', async () => {
    const answer = await session.client.images.generate({ model, prompt, user: 'somebody', background: 'opaque' });
    expect(await picturesOf(answer)).toEqual([{ format: 'png', width: 1_024, height: 1_024 }]);
  });

  it.each(['sandbox/image-sized', 'sandbox/image-pixels'])('draws with %s', async (other) => {
    const answer = await session.client.images.generate({ model: other, prompt, size: '512x512' });
    expect(await picturesOf(answer)).toEqual([{ format: 'png', width: 512, height: 512 }]);
  });

  it.each([0, 1, 2, 3])('streams %i partial images, then the whole one', async (partial) => {
    const stream = await session.client.images.generate({
      ...{ model, prompt, size: square, quality: 'low' },
      stream: true,
      partial_images: partial,
    });
    const events: OpenAI.ImageGenStreamEvent[] = [];
    for await (const event of stream) events.push(event);
    const partials = events.flatMap((event) =>
      event.type === 'image_generation.partial_image' ? [event.partial_image_index] : [],
    );
    expect(partials).toEqual([0, 1, 2].slice(0, partial));
    const last = events.at(-1);
    expect(last).toMatchObject({ type: 'image_generation.completed', size: square, usage: { output_tokens: 272 } });
    for (const { b64_json: base64 } of events) {
      expect(await pictureOf(Buffer.from(base64, 'base64'))).toMatchObject({ width: 1_024, height: 1_024 });
    }
  });

  it.each([
    ['size', { model: 'sandbox/image-sized', size: '300x300' as '256x256' }],
    ['size', { size: 'huge' as 'auto' }],
    ['quality', { model: 'sandbox/image-sized', quality: 'low' as const }],
    ['output_format', { output_format: 'gif' as 'png' }],
    ['n', { n: 11 }],
    ['style', { style: 'vivid' as const }],
    ['partial_images', { partial_images: 2 }],
    ['partial_images', { stream: true as const, partial_images: 4 }],
    ['stream', { model: 'sandbox/image-sized', stream: true as const }],
    ['model', { model: 'sandbox/whisper' }],
  ])('refuses a wrong %s of an image', async (param, wrong) => {
    const body = { model, prompt, ...wrong } as OpenAI.ImageGenerateParamsNonStreaming;
    await expect(session.client.images.generate(body)).rejects.toMatchObject({ status: 400, param });
  });

  it('refuses to draw nothing', async () => {
    const body = { model } as OpenAI.ImageGenerateParamsNonStreaming;
    await expect(session.client.images.generate(body)).rejects.toMatchObject({ status: 400, param: 'prompt' });
  });
}

/** Links to files of our own store. */
export function itLinks(session: MediaSession): void {
  const link = async (other: string) => {
    const asked = { model: other, prompt, size: square, response_format: 'url' as const, n: 2 };
    const { data } = await session.client.images.generate(asked);
    return data!.map(({ url }) => new URL(url!));
  };

  it.each([model, 'sandbox/image-sized', 'sandbox/image-pixels'])('links to images of %s', async (other) => {
    const links = await link(other);
    expect(links).toHaveLength(2);
    expect(links[0]?.pathname).not.toBe(links[1]?.pathname);
    for (const url of links) {
      // Our own address, not the provider's.
      expect(url.href.startsWith(`${session.target.baseUrl}/media/`)).toBe(true);
      const answer = await fetch(url);
      expect(answer.headers.get('content-type')).toBe('image/png');
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      const bytes = Buffer.from(await answer.arrayBuffer());
      expect(await pictureOf(bytes)).toEqual({ format: 'png', width: 1_024, height: 1_024 });
      const begin = await fetch(url, { headers: { range: 'bytes=0-7' } });
      expect(begin.status).toBe(206);
      expect(Buffer.from(await begin.arrayBuffer())).toEqual(bytes.subarray(0, 8));
    }
  });

  it('lets nobody in with a link that is changed or too old', async () => {
    const [url] = await link('sandbox/image-sized');
    const name = url!.pathname.slice('/v1/media/'.length);
    const inAnHour = Number(url!.searchParams.get('expires'));
    expect(Math.abs(inAnHour - Date.now() / 1_000 - 3_600)).toBeLessThan(60);
    const refusal = async (query: Record<string, string | number>, as = name) => {
      const changed = new URL(`/v1/media/${as}`, url);
      for (const [key, value] of Object.entries(query)) changed.searchParams.set(key, String(value));
      const answer = await fetch(changed);
      const { error } = (await answer.json()) as { error: { code: string; message: string } };
      return `${answer.status} ${error.code} ${/expired|not valid/.exec(error.message)?.[0] ?? error.message}`;
    };
    const signature = url!.searchParams.get('signature') ?? '';
    const forged = '403 invalid_media_link not valid';
    expect(await refusal({})).toBe(forged);
    expect(await refusal({ expires: inAnHour, signature: `${signature.slice(0, -2)}AA` })).toBe(forged);
    expect(await refusal({ expires: inAnHour + 1, signature })).toBe(forged);
    expect(await refusal({ expires: inAnHour, signature }, `${name}x`)).toBe(forged);
    // Signed by ourselves, a second ago.
    const past = signMedia(name, Math.floor(Date.now() / 1_000) - 1, session.target.mediaSecret());
    expect(await refusal({ ...past })).toBe('403 invalid_media_link expired');
    const future = signMedia(`${name}x`, inAnHour, session.target.mediaSecret());
    expect(await refusal({ ...future }, `${name}x`)).toMatch(/^404 not_found/);
  });
}

/** `client.images.edit` and `client.images.createVariation`. */
export function itEdits(session: MediaSession): void {
  let bytes: Buffer;
  let mask: Buffer;
  const upload = (file: Buffer, name = 'square.png') => toFile(file, name, { type: 'image/png' });
  const dataUrl = (file: Buffer) => `data:image/png;base64,${file.toString('base64')}`;
  const drawn = { model, prompt, size: square, quality: 'low' } as const;

  beforeAll(async () => {
    bytes = await squarePng(512);
    mask = await squarePng(512, '#00000000');
  });

  it.each([1, 16])('edits %i images, with a mask', async (count) => {
    const images = await Promise.all(Array.from({ length: count }, (_, index) => upload(bytes, `${index}.png`)));
    const image = count === 1 ? images[0]! : images;
    const answer = await session.client.images.edit({ ...drawn, image, mask: await upload(mask), n: 2 });
    expect(await picturesOf(answer)).toEqual([
      { format: 'png', width: 1_024, height: 1_024 },
      { format: 'png', width: 1_024, height: 1_024 },
    ]);
    // The sandbox reads 323 tokens in each image.
    expect(answer.usage?.input_tokens_details.image_tokens).toBe(323 * count);
  });

  it('edits as events', async () => {
    const image = await upload(bytes);
    const stream = await session.client.images.edit({ ...drawn, image, stream: true, partial_images: 1 });
    const types: string[] = [];
    for await (const event of stream) types.push(event.type);
    expect(types).toEqual(['image_edit.partial_image', 'image_edit.completed']);
  });

  it('edits images that come as data URLs in JSON', async () => {
    const body = {
      ...drawn,
      images: [{ image_url: dataUrl(bytes) }, { image_url: dataUrl(bytes) }],
      mask: { image_url: dataUrl(mask) },
    };
    const answer = (await session.client.post('/images/edits', { body })) as OpenAI.ImagesResponse;
    expect(await picturesOf(answer)).toEqual([{ format: 'png', width: 1_024, height: 1_024 }]);
    expect(answer.usage?.input_tokens_details.image_tokens).toBe(2 * 323);
  });

  it('varies an image, as base64 and as a link', async () => {
    const { images } = session.client;
    const asked = { model: 'sandbox/image-sized', image: await upload(bytes), size: '256x256' as const };
    const answer = await images.createVariation({ ...asked, n: 2, response_format: 'b64_json' });
    const small = { format: 'png', width: 256, height: 256 };
    expect(await picturesOf(answer)).toEqual([small, small]);
    const { data } = await images.createVariation({ ...asked, response_format: 'url' });
    expect(data?.[0]?.url?.startsWith(`${session.target.baseUrl}/media/`)).toBe(true);
    const file = await fetch(data![0]!.url!);
    expect(await pictureOf(Buffer.from(await file.arrayBuffer()))).toEqual(small);
  });

  it('refuses 17 images, what is no image, and a variation of what is no square', async () => {
    const { images } = session.client;
    const image = await upload(bytes);
    const many = Array.from({ length: 17 }, () => image);
    await expect(images.edit({ ...drawn, image: many })).rejects.toMatchObject({ status: 400 });
    const text = await upload(Buffer.from('these are words, and no picture'));
    await expect(images.edit({ ...drawn, image: text })).rejects.toMatchObject({ status: 400, param: 'image' });
    const { default: sharp } = await import('sharp');
    const long = await sharp(bytes).resize(512, 256, { fit: 'fill' }).png().toBuffer();
    const varied = images.createVariation({ model: 'sandbox/image-sized', image: await upload(long) });
    await expect(varied).rejects.toMatchObject({ status: 400, param: 'image', code: 'invalid_image' });
    const wrong = images.createVariation({ model, image });
    await expect(wrong).rejects.toMatchObject({ status: 400, param: 'model', code: 'model_not_supported' });
  });

  it.each([
    ['an address of the machine', 'http://127.0.0.1:1/a.png', 'image_url_not_allowed'],
    ['a file', 'file:///etc/passwd', 'image_url_not_allowed'],
    ['a data URL that is no image', 'data:text/html;base64,PGI+', 'image_url_not_allowed'],
  ])('refuses an image at %s', async (_what, url, code) => {
    const body = { ...drawn, images: [{ image_url: url }] };
    await expect(session.client.post('/images/edits', { body })).rejects.toMatchObject({
      status: 400,
      code,
      param: 'images[0].image_url',
    });
  });
}
