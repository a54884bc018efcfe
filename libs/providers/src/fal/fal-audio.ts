import { createFal } from '@ai-sdk/fal';
import type { Dialect, DialectSettings, SpeechRequest, SpeechResult, TranscriptPiece } from '../dialect.js';
import { pcmRate, readWav, sniffedFormat, speechContentType } from '../vendor-audio/audio-formats.js';
import { patientFetch } from '../vendor-audio/patient-fetch.js';
import { speechDialect, unsupportedValue } from '../vendor-audio/speech-dialect.js';
import { type Heard, listIn, transcribeDialect } from '../vendor-audio/transcribe-dialect.js';

const polling = {
  isPoll: (method: string, path: string) => method === 'GET' && path.includes('/requests/'),
  isPending: (body: string) => body.includes('Request is still in progress'),
};

const fal = ({ fetch, secret }: DialectSettings) =>
  createFal({ fetch: patientFetch(fetch, polling), apiKey: secret ?? '' });

const anyFormat = { mp3: 'url', opus: 'url', aac: 'url', flac: 'url', wav: 'url', pcm: 'url' };

const speak = speechDialect({
  name: 'fal',
  formats: anyFormat,
  speed: true,
  instructions: false,
  sampleVoice: 'Wise_Woman',
  model: (settings, model) => fal(settings).speech(model),
});

/** Speech and transcription of fal, by its package. */
export const falAudio: Pick<Dialect, 'speak' | 'transcribe'> = {
  speak: async (call) => asAsked(await speak(call), call.request),
  transcribe: transcribeDialect({
    name: 'fal',
    prompt: false,
    temperature: false,
    speakers: true,
    options: ({ language, words, diarize }) => ({
      fal: { chunkLevel: words ? 'word' : 'segment', diarize, ...(language !== undefined && { language }) },
    }),
    // The package puts the namespace before it.
    model: (settings, model) => fal(settings).transcription(model.replace(/^fal-ai\//, '')),
    pieces: ({ response }, { words }) => {
      const pieces = piecesOf(response);
      return words ? { words: pieces } : { words: [], segments: pieces };
    },
  }),
};

/** Each model of fal makes one format, which only its answer tells. */
function asAsked(spoken: SpeechResult, { format }: SpeechRequest): SpeechResult {
  const made = sniffedFormat(spoken.bytes);
  if (made === format) return spoken;
  if (format === undefined) return made === undefined ? spoken : { ...spoken, contentType: speechContentType(made) };
  const sound = format === 'pcm' && made === 'wav' ? readWav(spoken.bytes) : undefined;
  if (sound?.rate === pcmRate && sound.channels === 1 && sound.bits === 16) return { ...spoken, bytes: sound.pcm };
  const able = made === undefined ? 'something else' : `\`${made}\``;
  const message = `This model makes ${able}, not \`${format}\` (${speechContentType(format)}). Set \`response_format\` to what it makes.`;
  throw unsupportedValue('response_format', message);
}

function piecesOf({ body }: Heard['response']): TranscriptPiece[] {
  return listIn(body, 'chunks').flatMap(({ text, timestamp, speaker }) => {
    const [start, end] = Array.isArray(timestamp) ? (timestamp as unknown[]) : [];
    if (typeof text !== 'string' || typeof start !== 'number') return [];
    const until = typeof end === 'number' ? end : start;
    return [{ text: text.trim(), start, end: until, ...(typeof speaker === 'string' && { speaker }) }];
  });
}
