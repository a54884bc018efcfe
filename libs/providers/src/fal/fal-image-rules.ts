import { type DrawRules, rulesIn } from '../drawing/draw-rules.js';

const photo = ['21:9', '16:9', '4:3', '3:2', '1:1', '2:3', '3:4', '9:16', '9:21'];
const gemini = ['21:9', '16:9', '3:2', '4:3', '5:4', '1:1', '4:5', '3:4', '2:3', '9:16'];
const pixels: DrawRules = { sizes: { min: 256, max: 2048, multipleOf: 8 }, seed: true, editImages: 0 };
const fromOne: DrawRules = { ...pixels, editImages: 1, editsOnly: true };

/** Models of fal by their path, from the pages that fal has of each. */
export const falImageRules = rulesIn([
  [/ultra\/redux$/, { aspects: photo, seed: true, editImages: 1, editsOnly: true, variations: true }],
  [/\/redux$/, { ...fromOne, variations: true }],
  [/inpaint|\/fill$/, { ...fromOne, mask: 'white' }],
  [/kontext(?:\/max)?\/text-to-image$/, { aspects: photo, seed: true, editImages: 0 }],
  [/kontext(?:\/max)?\/multi$/, { aspects: photo, seed: true, editImages: 4, editsOnly: true }],
  [/kontext/, { aspects: photo, seed: true, editImages: 1, editsOnly: true }],
  [/(?:nano-banana|gemini)[^/]*\/edit$/, { aspects: gemini, editImages: 10, editsOnly: true }],
  [/nano-banana|gemini/, { aspects: gemini, editImages: 0 }],
  [/\/edit$/, { ...pixels, editImages: 4, editsOnly: true }],
  [/\/image-to-image$|\/remix$/, fromOne],
  [/v1\.1-ultra/, { aspects: photo, seed: true, editImages: 0 }],
  [/imagen/, { aspects: ['1:1', '16:9', '9:16', '3:4', '4:3'], seed: true, editImages: 0 }],
  [
    /seedream\/v3/,
    { aspects: gemini.filter((aspect) => aspect !== '5:4' && aspect !== '4:5'), seed: true, editImages: 0 },
  ],
  [/bria\/text-to-image/, { aspects: gemini.filter((aspect) => aspect !== '21:9'), seed: true, editImages: 0 }],
  [/luma-photon/, { aspects: ['16:9', '9:16', '1:1', '4:3', '3:4', '21:9', '9:21'], editImages: 0 }],
  [/^(?:fal-ai|bria)\//, pixels],
]);

/** These take `image_urls`, a list; the others `image_url`. */
export const falTakesList = /\/edit$|\/multi$/;
