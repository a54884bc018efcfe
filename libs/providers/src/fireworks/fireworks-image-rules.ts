import { rulesIn } from '../drawing/draw-rules.js';

const flux = ['21:9', '16:9', '3:2', '4:3', '5:4', '1:1', '4:5', '3:4', '2:3', '9:16', '9:21'];
const diffusion = [
  ...['640x1536', '768x1344', '832x1216', '896x1152', '1024x1024', '1152x896', '1216x832', '1344x768', '1536x640'],
];

/** Image models of Fireworks, from its API reference. */
export const fireworksImageRules = rulesIn([
  [/\/flux-kontext-/, { aspects: flux, seed: true, editImages: 1 }],
  [/\/flux-/, { aspects: flux, seed: true, editImages: 0 }],
  [/playground-v2|diffusion-xl|\/SSD-1B/, { sizes: diffusion, seed: true, editImages: 0 }],
]);
