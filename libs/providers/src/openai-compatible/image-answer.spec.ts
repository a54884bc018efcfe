import { describe, expect, it } from '@jest/globals';
import { type ImageAnswer, type ImageMember, memberBase64, memberText, readImageAnswer } from './image-answer.js';

function read(value: unknown): ImageAnswer {
  const answer = readImageAnswer(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
  if (answer.kind !== 'answer') throw new Error(answer.kind);
  return answer;
}

describe('an image answer', () => {
  it('tells where its images are, and what they are', () => {
    const text = JSON.stringify({
      created: 1,
      data: [
        { b64_json: 'QUJD', url: null, revised_prompt: 'a {"url":"x"} cat' },
        { url: 'https://example.com/a?b=1&c="2"' },
        { revised_prompt: 'none' },
      ],
      size: '1024x1024',
      quality: 'high',
      output_format: 'webp',
      background: null,
      usage: {
        input_tokens: 30,
        output_tokens: 50,
        total_tokens: 80,
        input_tokens_details: { text_tokens: 10, image_tokens: 20 },
      },
    });
    const bytes = Buffer.from(text);
    const answer = read(text);
    expect(answer).toMatchObject({ size: '1024x1024', quality: 'high', outputFormat: 'webp', background: undefined });
    expect(answer.usage).toEqual({ input: 10, input_image: 20, output_image: 50 });
    expect(answer.images).toHaveLength(2);
    expect(memberBase64(bytes, answer.images[0]?.b64 as ImageMember).toString()).toBe('QUJD');
    const member = answer.images[0]?.b64;
    expect(text.slice(member?.start, member?.end)).toBe('"b64_json":"QUJD"');
    expect(memberText(bytes, answer.images[1]?.url as ImageMember)).toBe('https://example.com/a?b=1&c="2"');
  });

  it('takes `url` and `b64_json` elsewhere for nothing', () => {
    expect(read({ data: [{ url: 'u', other: { b64_json: 'x' } }], also: [{ url: 'v' }] }).images).toHaveLength(1);
  });

  it.each([
    ['{"created":1,"data":[]}', 'garbled'],
    ['{"created":1}', 'garbled'],
    ['<html>', 'garbled'],
    ['{"data":[{"b64_json":"x"}]} and more', 'garbled'],
    ['{"data":[{"b64_json":"x"', 'garbled'],
    ['{"error":{"message":"no"}}', 'error'],
  ])('is none in %s', (text, kind) => {
    expect(readImageAnswer(Buffer.from(text)).kind).toBe(kind);
  });

  it('of 64 MB is read without a copy', () => {
    const bytes = Buffer.from(`{"data":[{"b64_json":"${'A'.repeat(64 * 1024 * 1024)}"}]}`);
    const before = process.memoryUsage().arrayBuffers;
    const answer = readImageAnswer(bytes);
    expect(answer.kind).toBe('answer');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });

  it('does not believe usage of nothing', () => {
    expect(read({ data: [{ url: 'u' }], usage: { input_tokens: 0, output_tokens: 0 } })).toMatchObject({
      usage: undefined,
      usageDisbelieved: true,
    });
  });
});
