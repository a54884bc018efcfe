import { createGoogle } from '@ai-sdk/google';
import type { Usage } from '#libs/contracts';
import type { Dialect, DialectSettings, TranscriptPiece } from '../dialect.js';
import { pcmRate, readWav } from '../vendor-audio/audio-formats.js';
import { speechDialect } from '../vendor-audio/speech-dialect.js';
import { type Heard, listIn, transcribeDialect } from '../vendor-audio/transcribe-dialect.js';

const google = ({ fetch, secret }: DialectSettings) => createGoogle({ fetch, apiKey: secret ?? '' });

/** Speech and transcription of Gemini, by Google's package. */
export const googleAudio: Pick<Dialect, 'speak' | 'transcribe'> = {
  speak: speechDialect({
    name: 'Gemini',
    // Older models send samples and newer ones a WAV file; the package makes a WAV file of both.
    formats: { wav: 'wav', pcm: { ask: 'wav', convert: samplesOf } },
    speed: false,
    instructions: true,
    sampleVoice: 'Kore',
    model: (settings, model) => google(settings).speech(model),
    usage: ({ response }) =>
      tokensOf(response.body, 'usageMetadata', ['promptTokenCount', 'candidatesTokenCount'], 'speech'),
  }),
  transcribe: transcribeDialect({
    name: 'Gemini',
    prompt: false,
    temperature: false,
    speakers: true,
    options: ({ language, words, segments, diarize }) => ({
      google: {
        ...(language !== undefined && { languageCodes: [language] }),
        ...((words || segments || diarize) && { wordTimestamp: true }),
        ...(diarize && { diarization: true }),
      },
    }),
    model: (settings, model) => google(settings).transcription(model),
    pieces: ({ response }) => ({ words: wordsOf(response) }),
    usage: ({ response }) =>
      tokensOf(response.body, 'usage', ['total_input_tokens', 'total_output_tokens'], 'transcript'),
  }),
};

function samplesOf(file: Uint8Array): Uint8Array {
  const sound = readWav(file);
  if (sound?.rate !== pcmRate || sound.channels !== 1 || sound.bits !== 16) throw new Error('not the samples of pcm');
  return sound.pcm;
}

function wordsOf({ body }: Heard['response']): TranscriptPiece[] {
  return listIn(body, 'steps')
    .flatMap((step) => listIn(step, 'content'))
    .flatMap((content) => listIn(content, 'annotations'))
    .flatMap(({ type, text, speaker, start_offset: start, end_offset: end }) => {
      const [from, to] = [Number.parseFloat(String(start)), Number.parseFloat(String(end))];
      if (type !== 'word_info' || typeof text !== 'string' || Number.isNaN(from + to)) return [];
      return [{ text: text.trim(), start: from, end: to, ...(typeof speaker === 'string' && { speaker }) }];
    });
}

/** The package's result keeps no count; the answer has it. */
function tokensOf(
  answer: unknown,
  place: string,
  [inputName, outputName]: readonly [string, string],
  made: 'speech' | 'transcript',
): Usage | undefined {
  const usage = ((answer ?? {}) as Record<string, unknown>)[place] as Record<string, unknown> | null | undefined;
  const [heard, said] = [Number(usage?.[inputName]), Number(usage?.[outputName])];
  if (!Number.isSafeInteger(heard) || !Number.isSafeInteger(said)) return undefined;
  if (heard < 0 || said < 0 || heard + said === 0) return undefined;
  return made === 'speech' ? { input: heard, output_audio: said } : { input_audio: heard, output: said };
}
