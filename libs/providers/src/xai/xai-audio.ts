import { createXai } from '@ai-sdk/xai';
import type { Dialect, DialectSettings } from '../dialect.js';
import { pcmRate } from '../vendor-audio/audio-formats.js';
import { speechDialect } from '../vendor-audio/speech-dialect.js';
import { listIn, pieceFrom, transcribeDialect } from '../vendor-audio/transcribe-dialect.js';

const xai = ({ fetch, secret }: DialectSettings) => createXai({ fetch, apiKey: secret ?? '' });

/** xAI's audio, by its package. It has one model of each kind, whatever its name here. */
export const xaiAudio: Pick<Dialect, 'speak' | 'transcribe'> = {
  speak: speechDialect({
    name: 'xAI',
    formats: { mp3: 'mp3', wav: 'wav', pcm: 'pcm' },
    speed: true,
    instructions: false,
    sampleVoice: 'eve',
    options: { xai: { sampleRate: pcmRate } },
    model: (settings) => xai(settings).speech(),
  }),
  transcribe: transcribeDialect({
    name: 'xAI',
    prompt: false,
    temperature: false,
    speakers: true,
    // It writes numbers and currencies out as text only for a language that it is told.
    options: ({ language, diarize }) => ({
      xai: { ...(language !== undefined && { language, format: true }), ...(diarize && { diarize: true }) },
    }),
    model: (settings) => xai(settings).transcription(),
    pieces: ({ response }) => ({
      words: listIn(response.body, 'words').flatMap(
        (word) => pieceFrom(word, { text: 'text', start: 'start', end: 'end', speaker: 'speaker' }) ?? [],
      ),
    }),
  }),
};
