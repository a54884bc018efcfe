import { createHume } from '@ai-sdk/hume';
import type { Dialect } from '../dialect.js';
import { speechDialect } from '../vendor-audio/speech-dialect.js';

/** Hume, by its package. It has one model, whatever its name here. Its `pcm` has another rate than OpenAI's, so it is not offered. */
export const humeDialect: Dialect = {
  speak: speechDialect({
    name: 'Hume',
    formats: { mp3: 'mp3', wav: 'wav' },
    speed: true,
    instructions: true,
    sampleVoice: 'd8ab67c6-953d-4bd8-9370-8fa53a0f1453',
    model: ({ fetch, secret }) => createHume({ fetch, apiKey: secret ?? '' }).speech(),
  }),
};
