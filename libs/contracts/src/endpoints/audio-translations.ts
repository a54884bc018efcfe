import { z } from 'zod';
import { defineEndpoint } from '../endpoint.js';
import { audioFile, heardFields } from './audio-file.js';
import { refuseForbidden } from './forbidden-parameters.js';
import { oneOf } from './parameters.js';

const fields = z
  .looseObject({ ...heardFields, response_format: oneOf(['json', 'text', 'srt', 'verbose_json', 'vtt']) })
  .check(refuseForbidden);

/** `POST /v1/audio/translations` (OpenAI OpenAPI, `CreateTranslationRequest`). */
export const audioTranslations = defineEndpoint({
  id: 'audio.translations',
  modality: 'audio',
  method: 'POST',
  path: '/v1/audio/translations',
  accepts: ['multipart'],
  request: fields,
  form: { fields, lists: [], files: { file: audioFile } },
});
