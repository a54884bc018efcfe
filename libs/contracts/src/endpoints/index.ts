import type { Endpoint } from '../endpoint.js';
import { audioSpeech } from './audio-speech.js';
import { audioTranscriptions } from './audio-transcriptions.js';
import { audioTranslations } from './audio-translations.js';
import { chatCompletions } from './chat-completions.js';
import { embeddings } from './embeddings.js';
import { imagesEdits } from './images-edits.js';
import { imagesGenerations } from './images-generations.js';
import { imagesVariations } from './images-variations.js';
import { rerank } from './rerank.js';

export { chatCompletionRequest, chatCompletions, hasOversizeTool, maxToolBytes } from './chat-completions.js';
export { audioSpeech } from './audio-speech.js';
export { audioTranscriptions } from './audio-transcriptions.js';
export { audioTranslations } from './audio-translations.js';
export { embeddings } from './embeddings.js';
export { imagesEdits } from './images-edits.js';
export { imagesGenerations } from './images-generations.js';
export { imagesVariations } from './images-variations.js';
export { rerank } from './rerank.js';
export { codePoints } from './parameters.js';

/** Every endpoint that is served; one line each. */
export const endpoints: readonly Endpoint[] = [
  chatCompletions,
  embeddings,
  rerank,
  audioSpeech,
  audioTranscriptions,
  audioTranslations,
  imagesGenerations,
  imagesEdits,
  imagesVariations,
];
