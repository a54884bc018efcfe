import { describe, expect, it } from '@jest/globals';
import { chargeOf, fitUsage } from '#libs/catalog';
import type { ChatHold } from './chat-hold.js';
import type { ReadRequest } from '../inference/intake.js';
import { readChatRequest } from './chat-request.js';

type Limits = Parameters<ReadRequest['hold']>[0];

const chatHoldOf = (chat: ReadRequest, model: Limits): ChatHold => ({
  largestUsage: chat.largestUsage(model),
  hold: chat.hold(model),
});

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
  /** The beginning of one. */
  const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ';
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
    const link = inputOf(user([{ type: 'text', text: 'hi' }, image('https://example.com/b.png')]));
    expect(link).toBeGreaterThanOrEqual(1_500);
    expect(
      inputOf(user([{ type: 'text', text: 'hi' }, image(`data:image/png;base64,${png}${'A'.repeat(900_000)}`)])),
    ).toBe(link);
    expect(
      inputOf(user([image('https://example.com/b.png'), image('https://example.com/b.png')])),
    ).toBeGreaterThanOrEqual(3_000);
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

describe('the sound that a chat request is held for', () => {
  const usageOf = (changes: object, model = limits) => chatHoldOf(read(changes), model).largestUsage;
  const hear = (data: string, format = 'wav') => ({
    messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data, format } }] }],
  });
  const audio = { voice: 'alloy', format: 'wav' };
  const spoken = { modalities: ['text', 'audio'], audio };
  const price = {
    input: 2_500_000_000n,
    output: 10_000_000_000n,
    input_audio: 40_000_000_000n,
    output_audio: 80_000_000_000n,
  };

  it('is no unit of a chat of text', () => {
    expect(Object.keys(usageOf({ stream: true, modalities: ['text'] }))).toEqual(['input', 'output']);
  });

  it('is what was recorded, at the least rate of its format', () => {
    // 48,000 bytes are a second of a common WAV file: 10 tokens of OpenAI's, 32 of others.
    const second = 'A'.repeat(64_000);
    expect(usageOf(hear(second)).input_audio).toBe(384);
    expect(usageOf(hear(second, 'mp3')).input_audio).toBe(1_536);
    expect(usageOf(hear(second)).input).toBeLessThan(200);
    expect(usageOf(hear('')).input_audio).toBe(256);
    expect(usageOf(hear('A'.repeat(40_000_000), 'mp3')).input_audio).toBe(100_000);
  });

  it('is the most that there may be where nobody can see it', () => {
    expect(usageOf(hear('https://example.com/talk.mp3'), unknown).input_audio).toBe(115_200);
    const before = { role: 'assistant', audio: { id: 'audio_1' } };
    expect(usageOf({ messages: [before, { role: 'user', content: 'Again' }] }).input_audio).toBe(4_096);
  });

  it('is all of an answer that is spoken, stream or not', () => {
    for (const stream of [false, true]) {
      const { largestUsage, hold } = chatHoldOf(read({ ...spoken, stream, max_completion_tokens: 3_000 }), limits);
      expect(largestUsage).toMatchObject({ output: 3_000, output_audio: 3_000 });
      expect(hold).toEqual({ outputTokens: 3_000, extensible: false });
    }
  });

  it('covers what OpenAI then charges, and a price without audio too', () => {
    const model = { ...limits, price };
    const largest = usageOf({ ...hear('A'.repeat(640_000)), ...spoken }, model);
    const used = { input: 20, input_audio: 100, output: 1_000, output_audio: 3_000 };
    expect(chargeOf(fitUsage(largest, price).usage, price)).toBeGreaterThan(chargeOf(used, price));
    const { input, output } = price;
    const plain = fitUsage(largest, { input, output }).usage;
    expect(plain.output).toBe(8_192);
    expect(plain.input).toBeGreaterThan(3_840);
  });
});
