import { describe, expect, it } from '@jest/globals';
import { aspectOf, type AskedDrawing, type DrawRules, fitDrawing } from './draw-rules.js';

const asked: AskedDrawing = {
  ...{ operation: 'generate', size: undefined, aspectRatio: undefined, quality: undefined, seed: undefined },
  ...{ transparent: false, inputImages: 0, mask: false },
};
const byRatio: DrawRules = { aspects: ['1:1', '16:9', '3:2'], editImages: 2 };
const bySize: DrawRules = {
  sizes: { min: 256, max: 1440, multipleOf: 32 },
  editImages: 0,
  qualities: { high: 'premium' },
};

const fit = (rules: DrawRules, part: Partial<AskedDrawing>) => fitDrawing(rules, { ...asked, ...part }, 'painter');

describe('what a caller asks, in the words of a model', () => {
  it('is a size where the model takes it', () => {
    expect(fit(bySize, { size: '1024x768' })).toMatchObject({ size: '1024x768', aspectRatio: undefined });
    expect(fit({ sizes: ['512x512'], editImages: 0 }, { size: '512x512' })).toMatchObject({ size: '512x512' });
  });

  it('is a ratio where the model takes only those, and the size is exactly one', () => {
    expect(fit(byRatio, { size: '1536x1024' })).toMatchObject({ size: undefined, aspectRatio: '3:2' });
    expect(aspectOf('1792x1024')).toBe('7:4');
    expect(() => fit(byRatio, { size: '1792x1024' })).toThrow(/1:1, 16:9, 3:2/);
  });

  it('is nothing where nothing is asked', () => {
    for (const size of [undefined, 'auto']) {
      expect(fit(byRatio, { size, quality: 'auto' })).toEqual({
        size: undefined,
        aspectRatio: undefined,
        quality: undefined,
      });
    }
  });

  it("is the vendor's word for a quality", () => {
    expect(fit(bySize, { quality: 'high' }).quality).toBe('premium');
    expect(fit(bySize, { quality: 'standard' }).quality).toBeUndefined();
  });

  it.each<[string, DrawRules, Partial<AskedDrawing>, string]>([
    ['size', bySize, { size: '1000x1000' }, 'unsupported_value'],
    ['size', bySize, { size: '2048x2048' }, 'unsupported_value'],
    ['size', { editImages: 0 }, { size: '1024x1024' }, 'unsupported_parameter'],
    ['aspect_ratio', byRatio, { aspectRatio: '2:1' }, 'unsupported_value'],
    ['quality', byRatio, { quality: 'hd' }, 'unsupported_parameter'],
    ['quality', byRatio, { quality: 'constructor' }, 'unsupported_parameter'],
    ['seed', byRatio, { seed: 1 }, 'unsupported_parameter'],
    ['background', byRatio, { transparent: true }, 'unsupported_value'],
    ['image', byRatio, { operation: 'edit', inputImages: 3 }, 'unsupported_parameter'],
    ['mask', byRatio, { operation: 'edit', inputImages: 1, mask: true }, 'unsupported_parameter'],
    ['model', bySize, { operation: 'edit', inputImages: 1 }, 'model_not_supported'],
    ['model', byRatio, { operation: 'vary', inputImages: 1 }, 'model_not_supported'],
    ['model', { editImages: 1, editsOnly: true }, {}, 'model_not_supported'],
  ])('is refused, naming %s', (param, rules, part, code) => {
    expect(() => fit(rules, part)).toThrow(expect.objectContaining({ code, param }));
  });
});
