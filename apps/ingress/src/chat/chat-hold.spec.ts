import { describe, expect, it } from '@jest/globals';
import { chatHoldOf } from './chat-hold.js';
import { readChatRequest } from './chat-request.js';

type Limits = Parameters<typeof chatHoldOf>[1];

const limits: Limits = { contextTokens: 100_000, maxOutputTokens: 4_096 };
const unknown: Limits = { contextTokens: null, maxOutputTokens: null };
const read = (changes: object = {}) => {
  const body = { model: 'gpt', messages: [{ role: 'user', content: 'hi' }], ...changes };
  return readChatRequest(Buffer.from(JSON.stringify(body)));
};
const outputOf = (changes: object, model = limits): number => chatHoldOf(read(changes), model).hold.outputTokens;

describe('the output that a chat request is held for', () => {
  it.each([
    ['a stream, by its beginning', { stream: true }, limits, 1_024],
    ['a stream with a smaller limit', { stream: true, max_tokens: 100 }, limits, 100],
    ['a stream with a larger limit', { stream: true, max_completion_tokens: 4_000 }, limits, 1_024],
    ['a stream of a model with a small limit', { stream: true }, { ...limits, maxOutputTokens: 512 }, 512],
    ['a stream of a model without a known limit', { stream: true }, unknown, 1_024],
    ['an answer in one piece, in full', {}, limits, 4_096],
    ['an answer in one piece with a limit', { max_tokens: 3_000 }, limits, 3_000],
    ['an answer in one piece of a model without a known limit', {}, unknown, 8_192],
    ['a limit beside one that is null', { max_completion_tokens: null, max_tokens: 40 }, limits, 40],
    ['a null limit beside one', { max_completion_tokens: 40, max_tokens: null }, limits, 40],
    ['several choices', { n: 3, max_tokens: 10 }, limits, 30],
    ['a limit beyond all numbers', { n: 128, max_tokens: Number.MAX_SAFE_INTEGER }, unknown, Number.MAX_SAFE_INTEGER],
  ])('%s', (_what, changes, model, tokens) => {
    expect(outputOf(changes, model)).toBe(tokens);
    expect(chatHoldOf(read(changes), model).largestUsage.output).toBe(tokens);
  });

  it('may grow only while a stream runs', () => {
    expect(chatHoldOf(read({ stream: true }), limits).hold.extensible).toBe(true);
    expect(chatHoldOf(read(), limits).hold.extensible).toBe(false);
    expect(chatHoldOf(read({ stream: true, max_tokens: 100 }), limits).hold).toEqual({
      outputTokens: 100,
      extensible: false,
    });
  });
});

describe('the input that a chat request is held for', () => {
  const inputOf = (changes: object, model = limits): number => chatHoldOf(read(changes), model).largestUsage.input ?? 0;
  const image = (url: string) => ({ type: 'image_url', image_url: { url } });
  const user = (content: unknown) => ({ messages: [{ role: 'user', content }] });

  it('is a token for two bytes, tools and all', () => {
    expect(inputOf(user('x'.repeat(10_000)))).toBeGreaterThanOrEqual(5_000);
    expect(inputOf(user('x'.repeat(10_000)))).toBeLessThan(5_100);
    expect(inputOf(user('語'.repeat(1_000)))).toBeGreaterThanOrEqual(1_500);
    const tool = { type: 'function', function: { name: 'f', description: 'x'.repeat(20_000) } };
    expect(inputOf({ tools: [tool] })).toBeGreaterThanOrEqual(10_000);
  });

  it('counts an image as an image, be it inline or a link', () => {
    const link = inputOf(user([{ type: 'text', text: 'hi' }, image('https://a.test/b.png')]));
    expect(link).toBeGreaterThanOrEqual(1_500);
    expect(inputOf(user([{ type: 'text', text: 'hi' }, image(`data:image/png;base64,${'A'.repeat(900_000)}`)]))).toBe(
      link,
    );
    expect(inputOf(user([image('https://a.test/b.png'), image('https://a.test/b.png')]))).toBeGreaterThanOrEqual(3_000);
  });

  it('takes no text for an image, whatever it looks like', () => {
    expect(inputOf(user(`data:${'A'.repeat(20_000)}`))).toBeGreaterThanOrEqual(10_000);
    expect(inputOf(user([{ type: 'text', text: 'A'.repeat(20_000) }]))).toBeGreaterThanOrEqual(10_000);
  });

  it('is no more than the context of the model', () => {
    expect(inputOf(user('x'.repeat(10_000)), { ...limits, contextTokens: 700 })).toBe(700);
    expect(inputOf(user('x'.repeat(10_000)), unknown)).toBeGreaterThan(5_000);
  });
});
