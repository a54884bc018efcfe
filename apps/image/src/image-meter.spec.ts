import { describe, expect, it } from '@jest/globals';
import type { Usage } from '#libs/contracts';
import { believedTokens, chargedImages, claimedPixels } from './image-meter.js';

describe('what a provider claims of images', () => {
  const prompt = () => 'p'.repeat(100);
  it.each<[Usage, number, boolean]>([
    [{ input: 50, output_image: 6_240 }, 1, true],
    [{ input: 50, output_image: 20_000 }, 1, true],
    [{ input: 50, output: 1, output_image: 20_000 }, 1, false],
    [{ input: 50, output_image: 40_000 }, 2, true],
    [{ input: 50, output_image: 9e8 }, 10, false],
    [{ input: 1_100, input_image: 320_000, output_image: 1 }, 1, true],
    [{ input: 1_101, input_image: 320_000, output_image: 1 }, 1, false],
  ])('%j of %d images is believed: %s', (usage, images, believed) => {
    expect(believedTokens(usage, images, prompt)).toEqual(believed ? usage : undefined);
  });

  it('is charged for as many images as were asked for', () => {
    expect([chargedImages(3, { n: 1 }), chargedImages(1, { n: 3 }), chargedImages(2, {})]).toEqual([1, 1, 2]);
  });

  it('is no more pixels than were asked or held for', () => {
    const made = { images: 2, size: '8192x8192' };
    expect(claimedPixels(made, { size: '512x512' })).toBe(2 * 512 * 512);
    expect(claimedPixels(made, { size: 'auto' })).toBe(2 * 4_194_304);
    expect(claimedPixels({ images: 1, size: '256x256' }, { size: 'auto' })).toBe(65_536);
    expect(claimedPixels({ images: 1 }, { size: 'auto' })).toBeUndefined();
  });
});
