import { rulesIn } from '../drawing/draw-rules.js';

/** Luma takes images by URL only, so it makes none of a caller's files. */
export const lumaImageRules = rulesIn([
  [/^photon-/, { aspects: ['1:1', '3:4', '4:3', '9:16', '16:9', '9:21', '21:9'], editImages: 0 }],
]);
