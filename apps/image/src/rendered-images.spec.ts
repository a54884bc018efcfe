import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { completedEvents, imagesAnswer } from './rendered-images.js';

const count = z.int().nonnegative();
const details = z.strictObject({ text_tokens: count, image_tokens: count });
const usageSchema = z.strictObject({
  ...{ total_tokens: count, input_tokens: count, output_tokens: count },
  ...{ input_tokens_details: details, output_tokens_details: details.optional() },
});
/** OpenAI's OpenAPI, `ImagesResponse`. */
const imagesResponse = z.strictObject({
  created: z.int(),
  data: z.array(
    z.strictObject({ b64_json: z.string().optional(), url: z.url().optional(), revised_prompt: z.string().optional() }),
  ),
  background: z.enum(['transparent', 'opaque']).optional(),
  output_format: z.enum(['png', 'webp', 'jpeg']).optional(),
  size: z.enum(['1024x1024', '1024x1536', '1536x1024']).optional(),
  quality: z.enum(['low', 'medium', 'high']).optional(),
  usage: usageSchema.optional(),
});
/** `ImageGenCompletedEvent` and `ImageEditCompletedEvent`. */
const completedEvent = z.strictObject({
  type: z.enum(['image_generation.completed', 'image_edit.completed']),
  b64_json: z.string(),
  created_at: z.int(),
  size: z.enum(['1024x1024', '1024x1536', '1536x1024', 'auto']),
  quality: z.enum(['low', 'medium', 'high', 'auto']),
  background: z.enum(['transparent', 'opaque', 'auto']),
  output_format: z.enum(['png', 'webp', 'jpeg']),
  usage: usageSchema.omit({ output_tokens_details: true }),
});

const known = {
  ...{ outputFormat: 'webp', size: '1024x1536', quality: 'high', background: 'transparent' },
  usage: { input: 5, input_image: 6, output_image: 100 },
};
const strange = { outputFormat: 'gif', size: '1000x500', quality: 'hd', background: undefined, usage: undefined };

describe('images in an answer', () => {
  it.each([known, strange])("are OpenAI's `ImagesResponse` ($size)", (about) => {
    const images = [
      { b64: 'QUJD', revisedPrompt: 'a "cat"' },
      { b64: Buffer.from('QUJD') },
      { url: 'https://gateway.example/v1/media/x?signature=y' },
    ];
    const answer: unknown = JSON.parse(imagesAnswer(images, about).toString());
    expect(imagesResponse.parse(answer).data).toEqual([
      { b64_json: 'QUJD', revised_prompt: 'a "cat"' },
      { b64_json: 'QUJD' },
      { url: 'https://gateway.example/v1/media/x?signature=y' },
    ]);
  });

  it('say all that is known of them', () => {
    expect(JSON.parse(imagesAnswer([{ b64: 'QUJD' }], known).toString())).toMatchObject({
      ...{ size: '1024x1536', quality: 'high', background: 'transparent', output_format: 'webp' },
      usage: { total_tokens: 111, input_tokens: 11, output_tokens: 100 },
    });
  });
});

describe('images in a stream', () => {
  it.each([known, strange])("are OpenAI's `completed` events ($size)", (about) => {
    const text = completedEvents('image_edit', [{ b64: 'QUJD' }, { b64: 'REVG' }], about).toString();
    const events = text
      .trimEnd()
      .split('\n\n')
      .map((event) => event.split('\n'));
    expect(events.map(([name]) => name)).toEqual(Array.from({ length: 2 }, () => 'event: image_edit.completed'));
    const parsed = events.map(([, data = '']) => completedEvent.parse(JSON.parse(data.slice('data: '.length))));
    expect(parsed.map((event) => event.b64_json)).toEqual(['QUJD', 'REVG']);
    // Of all images once, so that sums are right.
    expect(parsed.map((event) => event.usage.total_tokens)).toEqual([0, about.usage ? 111 : 0]);
  });
});
