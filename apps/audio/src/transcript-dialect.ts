import { GatewayError, type WirePrice } from '#libs/contracts';
import type { AttemptSource, DialectWork, WholeAnswer } from '#libs/inference';
import type { TranscribeRequest, TranscribeResult } from '#libs/providers';
import { fieldOf, type TranscriptAsk } from './transcript-ask.js';
import { transcriptEvents } from './transcript-events.js';
import { textFormats } from './transcript-formats.js';
import { jsonFormats, openAiUsage, speakerSegments, type TranscriptUsage } from './transcript-json.js';
import { canBeHeard, knownUsage, type MadeTranscript, meteredTranscript } from './transcript-usage.js';

/** Vendors' packages want a file in memory, at most 25 MB, and hold it two or three times over. */
const maxFilesInMemory = 8;
let filesInMemory = 0;

/** A transcript in a vendor's own protocol: the file whole, and every format rendered here. */
export function transcribed({ call, target }: AttemptSource, ask: TranscriptAsk): DialectWork {
  const { price, deployment } = target;
  let result: TranscribeResult | undefined;
  return {
    async ask(dialect, settings, signal) {
      result = await withFile(async () => {
        const request = { ...requestOf(ask), bytes: await gather(call.openBody()) };
        return dialect.transcribe?.({ settings, model: deployment.upstreamModel, signal, request });
      });
      if (!result) throw new Error('this provider has no transcriptions');
      const made = madeOf(result, ask);
      const usageDisbelieved = result.usage !== undefined && made.tokens === undefined;
      // Seconds are those that ingress measured: a vendor's are often only its last word's.
      const isReported = made.tokens !== undefined && price.seconds === undefined;
      const usage = isReported ? knownUsage(made, withDuration(ask, result)) : undefined;
      const told = { ...result, usage: made.tokens };
      return { kind: 'answer', usage, usageDisbelieved, ...rendered(told, ask, price) };
    },
    count: () => meteredTranscript(madeOf(result, ask), withDuration(ask, result), price),
  };
}

async function withFile<Result>(use: () => Promise<Result>): Promise<Result> {
  if (filesInMemory >= maxFilesInMemory) {
    const message = 'This server transcribes as many files as it can hold. Retry in a moment.';
    throw new GatewayError('overloaded', message, { retryAfterSeconds: 5 });
  }
  filesInMemory++;
  try {
    return await use();
  } finally {
    filesInMemory--;
  }
}

async function gather(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function requestOf(ask: TranscriptAsk): Omit<TranscribeRequest, 'bytes'> {
  const { form, format, words, segments, temperature } = ask;
  const [{ filename, contentType } = { filename: 'audio', contentType: 'application/octet-stream' }] = form.files;
  const [language, prompt] = [fieldOf(form, 'language'), fieldOf(form, 'prompt')];
  return {
    ...{ filename, contentType },
    ...(language && { language }),
    ...(prompt && { prompt }),
    ...(temperature !== undefined && { temperature }),
    words: format === 'verbose_json' && words,
    segments: ['srt', 'vtt'].includes(format) || (format === 'verbose_json' && segments),
    diarize: format === 'diarized_json',
  };
}

function madeOf(result: TranscribeResult | undefined, ask: TranscriptAsk): MadeTranscript {
  const textBytes = Buffer.byteLength(result?.text ?? '');
  const tokens = result?.usage;
  return { textBytes, tokens: tokens && canBeHeard(tokens, textBytes, ask) ? tokens : undefined };
}

function withDuration(ask: TranscriptAsk, result: TranscribeResult | undefined): TranscriptAsk {
  const duration = result?.duration;
  if (ask.seconds !== undefined || duration === undefined) return ask;
  return { ...ask, seconds: Math.max(1, Math.ceil(duration)) };
}

function rendered(
  result: TranscribeResult,
  ask: TranscriptAsk,
  price: WirePrice,
): Pick<WholeAnswer, 'body' | 'contentType'> {
  const text = textFormats[ask.format];
  if (text) return { body: Buffer.from(text(result)), contentType: 'text/plain; charset=utf-8' };
  const rendering = { result, ask, usage: toldUsage(result, ask, price) };
  if (ask.stream) {
    const segments = ask.format === 'diarized_json' ? speakerSegments(result.segments) : [];
    const body = transcriptEvents({ text: result.text, segments, usage: rendering.usage });
    return { body, contentType: 'text/event-stream; charset=utf-8' };
  }
  const json = jsonFormats[ask.format];
  if (!json) throw new Error(`no transcript is rendered as ${ask.format}`);
  return { body: Buffer.from(JSON.stringify(json(rendering))), contentType: 'application/json' };
}

function toldUsage(result: TranscribeResult, ask: TranscriptAsk, price: WirePrice): TranscriptUsage | undefined {
  const { seconds } = withDuration(ask, result);
  if (price.seconds !== undefined) return seconds === undefined ? undefined : { type: 'duration', seconds };
  return result.usage && openAiUsage(result.usage, price);
}
