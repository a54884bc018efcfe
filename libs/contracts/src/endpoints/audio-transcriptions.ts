import { z } from 'zod';
import { defineEndpoint } from '../endpoint.js';
import { audioFile, heardFields } from './audio-file.js';
import { refuseForbidden } from './forbidden-parameters.js';
import { flagField, oneOf, streamFlag, word } from './parameters.js';

const granularities = ['word', 'segment'] as const;
const texts = z.array(z.string(), { error: 'must be a list of texts' }).nullish();
/** Their rendering needs the whole transcript. */
const wholeFormats: ReadonlySet<unknown> = new Set(['srt', 'vtt', 'verbose_json']);

const fields = z
  .looseObject({
    ...heardFields,
    language: word(),
    response_format: oneOf(['json', 'text', 'srt', 'verbose_json', 'vtt', 'diarized_json']),
    timestamp_granularities: z
      .array(z.enum(granularities, { error: `must be one of ${granularities.join(', ')}` }))
      .nullish(),
    include: texts,
    known_speaker_names: texts,
    known_speaker_references: texts,
    stream: flagField(streamFlag),
  })
  .check((payload) => {
    const { response_format: format, timestamp_granularities: asked, stream } = payload.value;
    const refuse = (path: string, message: string) =>
      payload.issues.push({ code: 'custom', input: payload.value, path: [path], message });
    if (asked && format !== 'verbose_json') {
      refuse('timestamp_granularities', 'is only allowed together with `response_format` verbose_json');
    }
    if (stream === true && wholeFormats.has(format)) {
      refuse('response_format', `must be json, text or diarized_json together with \`stream\`, not ${format}`);
    }
  })
  .check(refuseForbidden);

/** `POST /v1/audio/transcriptions` (OpenAI OpenAPI, `CreateTranscriptionRequest`). */
export const audioTranscriptions = defineEndpoint({
  id: 'audio.transcriptions',
  modality: 'audio',
  method: 'POST',
  path: '/v1/audio/transcriptions',
  accepts: ['multipart'],
  request: fields,
  form: {
    fields,
    lists: [
      'timestamp_granularities',
      'include',
      'languages',
      'keywords',
      'known_speaker_names',
      'known_speaker_references',
    ],
    files: { file: audioFile },
  },
});
