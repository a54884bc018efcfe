import { createDeepgram } from '@ai-sdk/deepgram';
import type { Dialect, DialectSettings, SpeechRequest, TranscriptPiece } from '../dialect.js';
import { speechDialect, unsupportedValue } from '../vendor-audio/speech-dialect.js';
import { type Heard, listIn, pieceFrom, transcribeDialect } from '../vendor-audio/transcribe-dialect.js';

const deepgram = ({ fetch, secret }: DialectSettings) => createDeepgram({ fetch, apiKey: secret ?? '' });

/** Deepgram, by its package. */
export const deepgramDialect: Dialect = {
  speak: speechDialect({
    name: 'Deepgram',
    formats: { mp3: 'mp3', opus: 'opus', aac: 'aac', flac: 'flac', wav: 'wav', pcm: 'pcm' },
    speed: true,
    instructions: false,
    sampleVoice: 'thalia',
    voice: voiceOf,
    model: (settings, model) => deepgram(settings).speech(model),
  }),
  transcribe: transcribeDialect({
    name: 'Deepgram',
    prompt: false,
    temperature: false,
    speakers: true,
    options: ({ language, diarize }) => ({
      deepgram: {
        punctuate: true,
        smartFormat: true,
        diarize,
        ...(language === undefined ? { detectLanguage: true } : { language }),
      },
    }),
    model: (settings, model) => deepgram(settings).transcription(model),
    pieces: (heard) => ({ words: wordsOf(heard) }),
  }),
};

/** A whole model id (`aura-2-thalia-en`) has its voice in it: only that one may be asked for. */
function voiceOf({ voice }: SpeechRequest, model: string): string | undefined {
  const own = /^aura(?:-2)?-([a-z]+)-[a-z]{2,}$/.exec(model)?.[1];
  if (own === undefined) return voice;
  if (voice === own || voice === model) return undefined;
  throw unsupportedValue(
    'voice',
    `This model has one voice. Send \`voice\`: \`${own}\`, or choose the model of another voice.`,
  );
}

/** The package keeps the bare words; punctuation and speakers are beside them. */
function wordsOf({ response }: Heard): TranscriptPiece[] {
  const names = { start: 'start', end: 'end', speaker: 'speaker' };
  return listIn(response.body, 'results', 'channels', 0, 'alternatives', 0, 'words').flatMap(
    (word) =>
      pieceFrom(word, { text: 'punctuated_word', ...names }) ?? pieceFrom(word, { text: 'word', ...names }) ?? [],
  );
}
