import { type DrawRules, rulesIn } from '../drawing/draw-rules.js';

const aspects = ['21:9', '16:9', '3:2', '4:3', '5:4', '1:1', '4:5', '3:4', '2:3', '9:16'];
const nano: DrawRules = { aspects, seed: true, editImages: 3, variations: false };

/** Gemini models that draw, from Google's "Image generation" page. */
export const googleImageRules = rulesIn([
  [/^gemini-2\.5-.*image/, nano],
  [/^gemini-.*(?:image|banana)/, { ...nano, editImages: 14 }],
]);
