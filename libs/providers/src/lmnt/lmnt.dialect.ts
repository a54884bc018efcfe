import { createLMNT } from '@ai-sdk/lmnt';
import type { Dialect } from '../dialect.js';
import { pcmRate } from '../vendor-audio/audio-formats.js';
import { speechDialect } from '../vendor-audio/speech-dialect.js';

/** LMNT, by its package. */
export const lmntDialect: Dialect = {
  speak: speechDialect({
    name: 'LMNT',
    formats: { mp3: 'mp3', aac: 'aac', wav: 'wav', pcm: 'raw' },
    speed: true,
    instructions: false,
    sampleVoice: 'ava',
    options: { lmnt: { sampleRate: pcmRate } },
    model: ({ fetch, secret }, model) => createLMNT({ fetch, apiKey: secret ?? '' }).speech(model),
  }),
};
