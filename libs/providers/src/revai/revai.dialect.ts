import { createRevai } from '@ai-sdk/revai';
import type { Dialect, TranscriptPiece } from '../dialect.js';
import { jobStatus, patientFetch } from '../vendor-audio/patient-fetch.js';
import { type Heard, listIn, transcribeDialect } from '../vendor-audio/transcribe-dialect.js';

const polling = {
  isPoll: (method: string, path: string) => method === 'GET' && /\/speechtotext\/v1\/jobs\/[^/]+$/.test(path),
  isPending: (body: string) => jobStatus(body) === 'in_progress',
};

/** Rev.ai, by its package. */
export const revAiDialect: Dialect = {
  transcribe: transcribeDialect({
    name: 'Rev.ai',
    prompt: false,
    temperature: false,
    speakers: true,
    options: ({ language, diarize }) => ({
      revai: { skip_diarization: !diarize, ...(language !== undefined && { language }) },
    }),
    model: ({ fetch, secret }, model) =>
      createRevai({ fetch: patientFetch(fetch, polling), apiKey: secret ?? '' }).transcription(model as 'machine'),
    pieces: (heard, { diarize }) => ({ words: wordsOf(heard, diarize) }),
  }),
};

/** Words and punctuation are elements of what one speaker says; punctuation belongs to the word before it. */
function wordsOf({ response }: Heard, diarize: boolean): TranscriptPiece[] {
  return listIn(response.body, 'monologues').flatMap((monologue) => {
    const speaker = diarize && typeof monologue['speaker'] === 'number' ? String(monologue['speaker']) : undefined;
    const words: TranscriptPiece[] = [];
    for (const { type, value, ts, end_ts: end } of listIn(monologue, 'elements')) {
      const last = words.at(-1);
      if (type === 'text' && typeof value === 'string' && typeof ts === 'number' && typeof end === 'number') {
        words.push({ text: value, start: ts, end, ...(speaker !== undefined && { speaker }) });
      } else if (type === 'punct' && typeof value === 'string' && last) {
        words[words.length - 1] = { ...last, text: last.text + value.trim() };
      }
    }
    return words;
  });
}
