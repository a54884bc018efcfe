import { createAssemblyAI } from '@ai-sdk/assemblyai';
import type { Dialect, TranscriptPiece } from '../dialect.js';
import { jobStatus, patientFetch } from '../vendor-audio/patient-fetch.js';
import { listIn, pieceFrom, transcribeDialect } from '../vendor-audio/transcribe-dialect.js';

const polling = {
  isPoll: (method: string, path: string) => method === 'GET' && /\/v2\/transcript\/[^/]+$/.test(path),
  isPending: (body: string) => ['queued', 'processing'].includes(String(jobStatus(body))),
};

/** AssemblyAI, by its package. */
export const assemblyAiDialect: Dialect = {
  transcribe: transcribeDialect({
    name: 'AssemblyAI',
    prompt: true,
    temperature: true,
    speakers: true,
    options: ({ language, prompt, temperature, diarize }) => ({
      assemblyai: {
        ...(language === undefined ? { languageDetection: true } : { languageCode: language }),
        ...(prompt !== undefined && { prompt }),
        ...(temperature !== undefined && temperature !== 0 && { temperature }),
        ...(diarize && { speakerLabels: true }),
      },
    }),
    model: ({ fetch, secret }, model) =>
      createAssemblyAI({ fetch: patientFetch(fetch, polling), apiKey: secret ?? '' }).transcription(model),
    pieces: ({ response }) => {
      const words = piecesOf(response.body, 'words');
      const utterances = piecesOf(response.body, 'utterances');
      return { words, ...(utterances.length > 0 && { segments: utterances }) };
    },
  }),
};

/** Its times are milliseconds. */
function piecesOf(answer: unknown, list: string): TranscriptPiece[] {
  const names = { text: 'text', start: 'start', end: 'end', speaker: 'speaker' };
  return listIn(answer, list).flatMap((piece) => pieceFrom(piece, names, 1000) ?? []);
}
