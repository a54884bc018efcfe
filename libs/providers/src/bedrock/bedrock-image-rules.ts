import { type DrawRules, rulesIn } from '../drawing/draw-rules.js';

/** Their request is not Amazon's, and the package does not know it. */
export const isStability = /(?:^|\.)stability\.(?:sd3|stable-image-(?:core|ultra))/;

const canvas: DrawRules = {
  sizes: { min: 320, max: 4096, multipleOf: 16 },
  qualities: { standard: 'standard', low: 'standard', medium: 'standard', high: 'premium', hd: 'premium' },
  seed: true,
  editImages: 5,
  mask: 'black',
  variations: true,
};

const stability: DrawRules = {
  aspects: ['21:9', '16:9', '3:2', '5:4', '1:1', '4:5', '2:3', '9:16', '9:21'],
  seed: true,
  editImages: 0,
};

/** Amazon's own image models, and Stability's. */
export const bedrockImageRules = rulesIn([
  [/amazon\.nova-canvas/, canvas],
  [/amazon\.titan-image-generator/, { ...canvas, sizes: { min: 320, max: 1408, multipleOf: 64 } }],
  [isStability, stability],
]);
