import { describe, expect, it } from '@jest/globals';
import { chargeOf, UnpricedUnitError } from './charge.js';
import { fitUsage } from './fit-usage.js';

const text = { input: 1_000_000n, output: 2_000_000n };

describe('fitUsage', () => {
  it('leaves the usage of a chat as it is', () => {
    const usage = { input: 5, input_cached: 3, output: 0, reasoning: 7 };
    expect(fitUsage(usage, text)).toEqual({ usage, measured: {} });
  });

  it('counts audio that has no price of its own as plain tokens, never as nothing', () => {
    const usage = { input: 5, input_audio: 10, output: 1, output_audio: 20, output_image: 3 };
    expect(fitUsage(usage, text).usage).toEqual({ input: 15, output: 24 });
    const audio = { ...text, input_audio: 9n, output_audio: 9n };
    expect(fitUsage(usage, audio).usage).toEqual({ input: 5, input_audio: 10, output: 4, output_audio: 20 });
    // By the fallback of the charge, so that the report keeps it.
    expect(fitUsage({ input: 5, input_image: 7 }, text).usage).toEqual({ input: 5, input_image: 7 });
  });

  it.each([
    ['a speech by characters', { characters: 2n }, { characters: 12 }, { input: 3, output_audio: 40 }],
    ['a speech by tokens', { ...text, output_audio: 1n }, { input: 3, output_audio: 40 }, { characters: 12 }],
    ['a transcription by seconds', { seconds: 3n }, { seconds: 60 }, { input_audio: 600, output: 90 }],
    ['a reranker by searches', { searches: 1n }, { searches: 1 }, { input: 700 }],
    ['an image by pixels', { pixels: 1n }, { pixels: 1_048_576 }, { 'images:1024x1024/auto': 1 }],
  ])('charges %s, and measures the rest', (_what, price, usage, measured) => {
    expect(fitUsage({ ...usage, ...measured }, price)).toEqual({ usage, measured });
  });

  it('counts images in the variant that is priced', () => {
    const price = { 'images:1024x1024/low': 1n, 'images:1024x1024/high': 2n };
    expect(fitUsage({ 'images:1024x1024/low': 3 }, price).usage).toEqual({ 'images:1024x1024/low': 3 });
    expect(fitUsage({ 'images:auto/auto': 3 }, price).usage).toEqual({ 'images:1024x1024/high': 3 });
    expect(fitUsage({ images: 3 }, price).usage).toEqual({ 'images:1024x1024/high': 3 });
    // The size stays for the report; it costs the same.
    expect(fitUsage({ 'images:512x512/low': 3 }, { images: 4n }).usage).toEqual({ 'images:512x512/low': 3 });
  });

  it.each([
    ['a call that was counted in nothing the price knows', { input_audio: 5, output: 3 }, { seconds: 3n }],
    ['a unit that is missing in a price of its kind', { input: 5, output: 3 }, { input: 1n }],
    ['an image of a variant without a price', { 'images:512x512/low': 1 }, { 'images:1024x1024/low': 1n }],
    ['any usage, where there is no price', { input: 1 }, {}],
  ])('lets the charge fail for %s', (_what, counted, price) => {
    expect(() => chargeOf(fitUsage(counted, price).usage, price)).toThrow(UnpricedUnitError);
  });

  it('makes nothing of nothing', () => {
    expect(fitUsage({}, text)).toEqual({ usage: {}, measured: {} });
    expect(fitUsage({ input: 0, characters: 0 }, text)).toEqual({ usage: { input: 0 }, measured: { characters: 0 } });
  });
});
