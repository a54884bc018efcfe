import { parseBuffer } from 'music-metadata';
import { readSpokenMarker, type SpokenText } from '../audio/spoken-text.js';
import { segmentsOf, srt, type TranscriptStretch, vtt, wordsOf } from '../audio/transcript.js';
import type { CallLog } from '../call-log.js';
import { type MediaModel, mediaModel } from '../media-models.js';
import { loadTokenizer } from '../token-count.js';
import { WireError } from '../wire-error.js';
import type { HttpCall } from './http-call.js';
import { type FormUpload, type ReadForm, readForm } from './read-form.js';
import { eventStream, type MediaAnswer, namedEvent, sendMedia } from './send-media.js';

/** Of a second of audio that is listened to, as OpenAI's token-priced models count it. */
const tokensPerSecond = 10;

/** What was heard, ready to be written in any format. */
interface Heard extends SpokenText {
  readonly task: 'transcribe' | 'translate';
  readonly segments: readonly TranscriptStretch[];
  readonly words: readonly TranscriptStretch[];
  readonly usage: object;
  readonly includesWords: boolean;
}

/** `POST /v1/audio/transcriptions` and `/v1/audio/translations`. */
export function transcriptionEndpoint(callLog: CallLog): (call: HttpCall) => Promise<void> {
  return async (call) => {
    const form = await readForm(call.request);
    const name = form.field('model');
    const stream = form.field('stream') === 'true';
    await sendMedia(call, callLog, { model: name ?? '', stream }, async () => {
      const model = mediaModel(name, call.path);
      const task = call.path.endsWith('/translations') ? 'translate' : 'transcribe';
      const heard = await hear(form, model, task);
      // As OpenAI's whisper-1 does: it does not know `stream`.
      return stream && model.usage === 'tokens' ? streamed(heard, form) : whole(heard, form);
    });
  };
}

async function hear(form: ReadForm, model: MediaModel, task: Heard['task']): Promise<Heard> {
  const file = form.files.find(({ name }) => name === 'file');
  if (!file) throw new WireError(400, { message: "Missing required parameter: 'file'.", param: 'file' });
  const spoken = readSpokenMarker(file.bytes) ?? (await described(file));
  const text = task === 'translate' ? `[in English] ${spoken.text}` : spoken.text;
  const { seconds } = spoken;
  return {
    task,
    text,
    seconds,
    segments: segmentsOf(text, seconds),
    words: wordsOf(text, seconds),
    usage: await usageOf({ text, seconds }, form, model),
    includesWords: form.fields('timestamp_granularities').includes('word'),
  };
}

/** Audio from elsewhere is measured, not understood; the text says so. */
async function described({ bytes, contentType }: FormUpload): Promise<SpokenText> {
  try {
    const { format } = await parseBuffer(bytes, { mimeType: contentType }, { duration: true });
    const seconds = format.duration ?? 1;
    const kind = format.container ?? contentType;
    return {
      seconds,
      text: `This is the sandbox. It heard ${seconds.toFixed(1)} seconds of ${kind}, and it does not understand speech that it has not spoken itself.`,
    };
  } catch {
    throw new WireError(400, {
      message: 'Audio file might be corrupted or unsupported',
      param: 'file',
      code: 'invalid_value',
    });
  }
}

async function usageOf({ text, seconds }: SpokenText, form: ReadForm, model: MediaModel): Promise<object> {
  if (model.usage === 'seconds') return { type: 'duration', seconds: Math.max(1, Math.ceil(seconds)) };
  const tokenizer = await loadTokenizer();
  const audio = Math.ceil(seconds * tokensPerSecond);
  const prompt = tokenizer.count(form.field('prompt') ?? '');
  const output = tokenizer.count(text);
  return {
    type: 'tokens',
    input_tokens: audio + prompt,
    input_token_details: { text_tokens: prompt, audio_tokens: audio },
    output_tokens: output,
    total_tokens: audio + prompt + output,
  };
}

type Render = (heard: Heard) => { readonly contentType: string; readonly body: string };
const plain = (body: string) => ({ contentType: 'text/plain; charset=utf-8', body });
const json = (value: object) => ({ contentType: 'application/json', body: JSON.stringify(value) });

/** One entry per `response_format`. */
const renders: Readonly<Record<string, Render>> = {
  json: ({ text, usage }) => json({ text, usage }),
  text: ({ text }) => plain(`${text}\n`),
  srt: ({ segments }) => plain(srt(segments)),
  vtt: ({ segments }) => plain(vtt(segments)),
  verbose_json: (heard) => json(verbose(heard)),
  diarized_json: ({ text, seconds, segments, usage }) =>
    json({ task: 'transcribe', duration: seconds, text, segments: segments.map(spokenBy), usage }),
};

function whole(heard: Heard, form: ReadForm): MediaAnswer {
  const render = renders[form.field('response_format') ?? 'json'];
  if (!render) {
    const message = `Invalid 'response_format': supported are ${Object.keys(renders).join(', ')}.`;
    throw new WireError(400, { message, param: 'response_format', code: 'invalid_value' });
  }
  const { contentType, body } = render(heard);
  return { contentType, parts: [body], partDelayMs: 0 };
}

function verbose({ task, text, seconds, segments, words, usage, includesWords }: Heard): object {
  return {
    task,
    language: 'english',
    duration: seconds,
    text,
    segments: segments.map((segment, id) => ({
      id,
      seek: 0,
      ...segment,
      tokens: [],
      temperature: 0,
      avg_logprob: -0.1,
      compression_ratio: 1,
      no_speech_prob: 0,
    })),
    ...(includesWords && { words: words.map(({ text: word, start, end }) => ({ word, start, end })) }),
    usage,
  };
}

/** Speakers take turns, sentence by sentence. */
function spokenBy({ text, start, end }: TranscriptStretch, index: number) {
  return {
    type: 'transcript.text.segment',
    id: `seg_${index}`,
    start,
    end,
    text,
    speaker: index % 2 === 0 ? 'A' : 'B',
  };
}

function streamed({ text, segments, usage }: Heard, form: ReadForm): MediaAnswer {
  const deltas = (text.match(/\S+\s*/g) ?? []).map((delta) => ({ type: 'transcript.text.delta', delta }));
  const diarized = form.field('response_format') === 'diarized_json' ? segments.map(spokenBy) : [];
  const events = [...deltas, ...diarized, { type: 'transcript.text.done', text, usage }];
  return { contentType: eventStream, parts: events.map(namedEvent), partDelayMs: 2 };
}
