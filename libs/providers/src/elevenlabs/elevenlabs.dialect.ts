import { createElevenLabs } from '@ai-sdk/elevenlabs';
import type { Dialect, DialectSettings, TranscriptPiece } from '../dialect.js';
import { pcmRate, wavOfPcm } from '../vendor-audio/audio-formats.js';
import { speechDialect } from '../vendor-audio/speech-dialect.js';
import { type Heard, listIn, pieceFrom, transcribeDialect } from '../vendor-audio/transcribe-dialect.js';

const elevenLabs = ({ fetch, secret }: DialectSettings) => createElevenLabs({ fetch, apiKey: secret ?? '' });

/** ElevenLabs, by its package. */
export const elevenLabsDialect: Dialect = {
  speak: speechDialect({
    name: 'ElevenLabs',
    formats: {
      mp3: 'mp3_44100_128',
      opus: 'opus_48000_64',
      pcm: `pcm_${pcmRate}`,
      wav: { ask: `pcm_${pcmRate}`, convert: wavOfPcm },
    },
    speed: true,
    instructions: false,
    sampleVoice: '21m00Tcm4TlvDq8ikWAM',
    model: (settings, model) => elevenLabs(settings).speech(model),
  }),
  transcribe: transcribeDialect({
    name: 'ElevenLabs',
    prompt: false,
    temperature: false,
    speakers: true,
    options: ({ language, diarize }) => ({
      elevenlabs: {
        diarize,
        timestampsGranularity: 'word',
        tagAudioEvents: false,
        ...(language !== undefined && { languageCode: language }),
      },
    }),
    model: (settings, model) => elevenLabs(settings).transcription(model),
    pieces: (heard, { diarize }) => ({ words: spokenWords(heard, diarize) }),
  }),
};

/** Spaces come as entries of their own; the package asks for speakers whether they are wanted or not. */
function spokenWords({ response }: Heard, diarize: boolean): TranscriptPiece[] {
  const names = { text: 'text', start: 'start', end: 'end', ...(diarize && { speaker: 'speaker_id' }) };
  return listIn(response.body, 'words')
    .filter(({ type }) => type === 'word')
    .flatMap((word) => pieceFrom(word, names) ?? []);
}
