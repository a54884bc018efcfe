import { describe, expect, it } from '@jest/globals';
import { type Endpoint, endpoints } from '#libs/contracts';
import { endpointsOfPrice, unpricedUnit } from './endpoint-units.js';
import type { Price } from './model.js';
import { sandboxModels } from './sandbox-models.js';

const tokens: Price = { input: 1n, output: 1n };

describe('unpricedUnit', () => {
  it.each<[string, Price, string | undefined]>([
    ['chat.completions', tokens, undefined],
    ['chat.completions', { input: 1n }, 'output'],
    ['chat.completions', { images: 1n }, 'input'],
    ['embeddings', { input: 1n }, undefined],
    ['embeddings', { seconds: 1n }, 'input'],
    ['rerank', { searches: 1n }, undefined],
    ['rerank', { input: 1n }, undefined],
    ['rerank', { output: 1n }, 'input'],
    ['audio.speech', { characters: 1n }, undefined],
    ['audio.speech', { input: 1n, output_audio: 1n }, undefined],
    ['audio.speech', tokens, undefined],
    ['audio.speech', { seconds: 1n }, 'characters'],
    ['audio.speech', { characters: 1n, input: 1n }, 'output_audio'],
    ['audio.transcriptions', { seconds: 1n }, undefined],
    ['audio.transcriptions', tokens, undefined],
    ['audio.translations', { characters: 1n }, 'seconds'],
    ['images.generations', { images: 1n }, undefined],
    ['images.generations', { 'images:512x512/low': 1n }, undefined],
    ['images.edits', { pixels: 1n }, undefined],
    ['images.edits', { input: 1n, output_image: 1n }, undefined],
    ['images.variations', { input: 1n }, 'images:auto/auto'],
    ['images.variations', {}, 'images:auto/auto'],
  ])('of %s with %j is %s', (endpoint, price, unit) => {
    expect(unpricedUnit(endpoint, price)).toBe(unit);
    // As remembered.
    expect(unpricedUnit(endpoint, price)).toBe(unit);
  });

  it('is none for any model of the sandbox, and some for every endpoint of a price of nothing', () => {
    for (const model of sandboxModels) {
      for (const { price } of model.deployments) {
        for (const endpoint of model.endpoints) expect(unpricedUnit(endpoint, price ?? {})).toBeUndefined();
      }
    }
    const charged = endpoints.map(({ id }: Endpoint) => unpricedUnit(id, {}));
    expect(charged).not.toContain(undefined);
  });
});

describe('endpointsOfPrice', () => {
  const images = ['images.generations', 'images.edits', 'images.variations'];
  it.each<[Price, readonly string[]]>([
    [tokens, ['chat.completions']],
    [{ input: 1n }, ['embeddings']],
    [{ searches: 1n }, ['rerank']],
    [{ characters: 1n }, ['audio.speech']],
    [{ input: 1n, output_audio: 1n }, ['audio.speech']],
    [{ ...tokens, input_audio: 1n, output_audio: 1n }, ['chat.completions']],
    [{ seconds: 1n }, ['audio.transcriptions', 'audio.translations']],
    [{ 'images:1024x1024/high': 1n }, images],
    [{ pixels: 1n }, images],
    [{ input: 1n, output_image: 1n }, images],
    [{ ...tokens, output_image: 1n }, ['chat.completions', ...images]],
  ])('of %j', (price, expected) => {
    expect(endpointsOfPrice(price)).toEqual(expected);
    // What it is given, it can be charged by.
    for (const endpoint of expected) expect(unpricedUnit(endpoint, price)).toBeUndefined();
  });
});
