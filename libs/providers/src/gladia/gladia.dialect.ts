import { createGladia } from '@ai-sdk/gladia';
import type { Dialect } from '../dialect.js';
import { jobStatus, patientFetch } from '../vendor-audio/patient-fetch.js';
import { type Heard, listIn, pieceFrom, transcribeDialect } from '../vendor-audio/transcribe-dialect.js';

const polling = {
  isPoll: (method: string, path: string) => method === 'GET' && /\/v2\/(?:pre-recorded|transcription)\//.test(path),
  isPending: (body: string) => ['queued', 'processing'].includes(String(jobStatus(body))),
};

/** Gladia, by its package. It has one model, whatever its name here. */
export const gladiaDialect: Dialect = {
  transcribe: transcribeDialect({
    name: 'Gladia',
    prompt: true,
    temperature: false,
    speakers: true,
    options: ({ language, prompt, diarize }) => ({
      gladia: {
        ...(language === undefined ? { detectLanguage: true } : { language, detectLanguage: false }),
        ...(prompt !== undefined && { contextPrompt: prompt }),
        ...(diarize && { diarization: true }),
      },
    }),
    model: ({ fetch, secret }) =>
      createGladia({ fetch: patientFetch(fetch, polling), apiKey: secret ?? '' }).transcription(),
    pieces: piecesOf,
  }),
};

function piecesOf({ providerMetadata }: Heard) {
  const utterances = listIn(providerMetadata, 'gladia', 'result', 'transcription', 'utterances');
  const times = { start: 'start', end: 'end' };
  return {
    words: utterances.flatMap((utterance) =>
      listIn(utterance, 'words').flatMap((word) => pieceFrom(word, { text: 'word', ...times }) ?? []),
    ),
    segments: utterances.flatMap(
      (utterance) => pieceFrom(utterance, { text: 'text', speaker: 'speaker', ...times }) ?? [],
    ),
  };
}
