import { z } from 'zod';
import { defineEndpoint } from '../endpoint.js';
import { refuseForbidden } from './forbidden-parameters.js';
import { modelName } from './model-name.js';
import { decimalNumber, oneOf, textOf } from './parameters.js';

const voiceError = 'must name a voice, as a string or as an object with `id`';
const voiceName = z.string({ error: voiceError }).min(1, { error: voiceError }).max(256, { error: voiceError });

/** `POST /v1/audio/speech` (OpenAI OpenAPI, `CreateSpeechRequest`). */
export const audioSpeech = defineEndpoint({
  id: 'audio.speech',
  modality: 'audio',
  method: 'POST',
  path: '/v1/audio/speech',
  accepts: ['json'],
  request: z
    .looseObject({
      model: modelName,
      input: textOf(4_096),
      voice: z.union([voiceName, z.looseObject({ id: voiceName })], { error: voiceError }),
      instructions: z
        .string({ error: 'must be a string' })
        .max(4_096, { error: 'is longer than 4,096 characters' })
        .nullish(),
      response_format: oneOf(['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm']),
      speed: decimalNumber(0.25, 4),
      stream_format: oneOf(['audio', 'sse']),
    })
    .check(refuseForbidden),
});
