import { createMistral } from '@ai-sdk/mistral';
import type { Dialect, DialectSettings } from '../dialect.js';
import { speechDialect, unsupported } from '../vendor-audio/speech-dialect.js';
import { listIn, pieceFrom, transcribeDialect } from '../vendor-audio/transcribe-dialect.js';

const mistral = ({ fetch, secret }: DialectSettings) => createMistral({ fetch, apiKey: secret ?? '' });

/** Mistral's audio, by its package: its own shapes under OpenAI's paths. */
export const mistralDialect: Dialect = {
  speak: speechDialect({
    name: 'Mistral',
    // Its documentation does not say whether its `pcm` is OpenAI's: 16 bits at 24 kHz.
    formats: { mp3: 'mp3', opus: 'opus', flac: 'flac', wav: 'wav' },
    speed: false,
    instructions: false,
    sampleVoice: 'voice_478',
    model: (settings, model) => mistral(settings).speech(model),
  }),
  transcribe: transcribeDialect({
    name: 'Mistral',
    prompt: false,
    temperature: true,
    speakers: true,
    options: ({ language, temperature, diarize, words, segments }) => {
      const timed = words || segments || diarize;
      if (timed && language !== undefined) {
        const message = 'Mistral takes a `language` for json and text only: it finds times without one. Leave it out.';
        throw unsupported('language', message);
      }
      return {
        mistral: {
          ...(timed && { timestampGranularities: [words && !diarize ? 'word' : 'segment'] }),
          ...(language !== undefined && { language }),
          ...(temperature !== undefined && { temperature }),
          ...(diarize && { diarize: true }),
        },
      };
    },
    model: (settings, model) => mistral(settings).transcription(model),
    pieces: ({ response }, { words }) => {
      const pieces = listIn(response.body, 'segments').flatMap((segment) => pieceFrom(segment, names) ?? []);
      return words ? { words: pieces } : { words: [], segments: pieces };
    },
  }),
};

const names = { text: 'text', start: 'start', end: 'end', speaker: 'speaker_id' };
