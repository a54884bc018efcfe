import { type DrawRules, rulesIn } from '../drawing/draw-rules.js';

const flux = ['21:9', '16:9', '3:2', '4:3', '5:4', '1:1', '4:5', '3:4', '2:3', '9:16', '9:21'];
const flux2 = ['16:9', '3:2', '4:3', '5:4', '1:1', '4:5', '3:4', '2:3', '9:16'];
const plain: DrawRules = { aspects: flux, seed: true, editImages: 0 };
const recraft = [
  ...['1024x1024', '1365x1024', '1024x1365', '1536x1024', '1024x1536', '1820x1024', '1024x1820', '1024x2048'],
  ...['2048x1024', '1434x1024', '1024x1434', '1024x1280', '1280x1024', '1024x1707', '1707x1024'],
];

/** Models of Replicate by their names, from the input schema of each. */
export const replicateImageRules = rulesIn([
  [/\/flux-2-/, { aspects: flux2, seed: true, editImages: 8 }],
  [/\/flux-fill-/, { seed: true, editImages: 1, editsOnly: true, mask: 'white' }],
  [/\/flux-kontext-/, { aspects: flux, seed: true, editImages: 1 }],
  [/\/flux-redux-/, { aspects: flux, seed: true, editImages: 0, editsOnly: true, variations: true }],
  [/\/flux-dev(?:$|:)/, { ...plain, editImages: 1 }],
  [/\/flux-/, plain],
  [/^recraft-ai\/recraft-v3/, { sizes: recraft, editImages: 0 }],
  [/^luma\/photon/, { aspects: ['1:1', '3:4', '4:3', '9:16', '16:9', '9:21', '21:9'], seed: true, editImages: 0 }],
  [/^ideogram-ai\//, { aspects: ['1:1', '16:9', '9:16', '4:3', '3:4', '3:2', '2:3'], seed: true, editImages: 0 }],
  [/^google\/imagen/, { aspects: ['1:1', '9:16', '16:9', '3:4', '4:3'], editImages: 0 }],
  [/^stability-ai\/stable-diffusion-3/, { ...plain, editImages: 0 }],
  // Whatever else runs there has inputs of its own: a prompt is all that can be counted on.
  [/\//, { editImages: 0 }],
]);

/** Where a model's input image goes when it is not `image`. */
export const replicateImageInput: readonly (readonly [model: RegExp, input: string])[] = [
  [/\/flux-kontext-/, 'input_image'],
  [/\/flux-redux-/, 'redux_image'],
];
