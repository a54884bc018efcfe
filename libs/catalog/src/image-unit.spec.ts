import { describe, expect, it } from '@jest/globals';
import { imageUnitOf, imageVariantOf } from './image-unit.js';

const pairs = {
  'images:1024x1024/low': 11n,
  'images:1024x1024/high': 167n,
  'images:1536x1024/low': 16n,
  'images:1536x1024/high': 250n,
};
const mixed = { 'images:1024x1024/hd': 80n, 'images:1024x1024': 40n, 'images:hd': 120n, images: 60n };

describe('the unit of an image', () => {
  it.each([
    [pairs, '1024x1024', 'low', 'images:1024x1024/low'],
    [pairs, '1024x1024', 'auto', 'images:1024x1024/high'],
    [pairs, undefined, 'low', 'images:1536x1024/low'],
    [pairs, 'auto', undefined, 'images:1536x1024/high'],
    [pairs, '512x512', 'low', undefined],
    [mixed, '1024x1024', 'hd', 'images:1024x1024/hd'],
    [mixed, '1024x1024', 'standard', 'images:1024x1024'],
    [mixed, '1792x1024', 'hd', 'images:hd'],
    [mixed, '1792x1024', 'standard', 'images'],
    [mixed, 'auto', 'standard', 'images'],
    // It may come to a size that only the quality prices.
    [mixed, 'auto', 'hd', 'images:hd'],
    [mixed, '1024x1024', undefined, 'images:1024x1024/hd'],
    [mixed, undefined, undefined, 'images:hd'],
    [{ images: 5n }, '1024x1024', 'hd', 'images'],
    [{ 'images:2K': 9n, 'images:4K': 16n }, 'auto', 'auto', 'images:4K'],
    [{ input: 1n, output_image: 2n }, '1024x1024', 'hd', undefined],
  ])('of %j for %s in %s is %s', (price, size, quality, unit) => {
    expect(imageUnitOf(price, { size, quality })).toBe(unit);
  });

  it('is asked for by size and quality, and what cannot be spelt is left to the model', () => {
    expect(imageVariantOf({ size: '1024x1024', quality: 'high' })).toBe('images:1024x1024/high');
    expect(imageVariantOf({ size: '1024x1024', quality: undefined })).toBe('images:1024x1024/auto');
    expect(imageVariantOf({ size: '16:9', quality: 'a/b' })).toBe('images:auto/auto');
    expect(imageVariantOf({ size: '1'.repeat(40), quality: 'h'.repeat(40) })).toBe('images:auto/auto');
  });
});
