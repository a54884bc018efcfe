import { rulesIn } from '../drawing/draw-rules.js';

const aspects = ['16:9', '3:2', '4:3', '1:1', '3:4', '2:3', '9:16', '2:1', '1:2'];

/** xAI's generations are OpenAI's wire; its edits are not. */
export const xaiImageRules = rulesIn([[/^grok-imagine/, { aspects, editImages: 3 }]]);
