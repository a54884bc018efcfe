import { type DrawRules, rulesIn } from '../drawing/draw-rules.js';

const kontext = ['21:9', '16:9', '7:3', '3:2', '4:3', '5:4', '1:1', '4:5', '3:4', '2:3', '9:16', '3:7', '9:21'];
const pixels: DrawRules = { sizes: { min: 256, max: 1440, multipleOf: 32 }, seed: true, editImages: 0 };

/** Models of Black Forest Labs by their paths, from its API's OpenAPI document. */
export const bflImageRules = rulesIn([
  [/^flux-2-/, { sizes: { min: 64, max: 2048, multipleOf: 16 }, seed: true, editImages: 8 }],
  [/^flux-kontext-/, { aspects: kontext, seed: true, editImages: 4 }],
  [/^flux-pro-1\.0-fill/, { seed: true, editImages: 1, editsOnly: true, mask: 'white' }],
  [/^flux-pro-1\.1-ultra/, { aspects: kontext, seed: true, editImages: 0, variations: true }],
  [/^flux-pro-1\.1|^flux-dev$/, { ...pixels, variations: true }],
  // What enlarges or controls an image has requests of its own, which OpenAI's API has no word for.
  [/^flux-(?!.*(?:expand|canny|depth))/, pixels],
]);
