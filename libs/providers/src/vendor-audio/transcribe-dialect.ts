import type { SharedV4ProviderOptions, TranscriptionModelV4 } from '@ai-sdk/provider';
import type { Usage } from '#libs/contracts';
import type { Dialect, DialectSettings, TranscribeRequest, TranscriptPiece } from '../dialect.js';
import { segmentsOfWords } from './segments.js';
import { unsupported } from './speech-dialect.js';

/** What a vendor's package answered. */
export type Heard = Awaited<ReturnType<TranscriptionModelV4['doGenerate']>>;

/** Pieces of a transcript; what a vendor tells of words only becomes segments here. */
export interface HeardPieces {
  readonly words: readonly TranscriptPiece[];
  readonly segments?: readonly TranscriptPiece[] | undefined;
}

/** What a vendor's transcription can do, and how it is asked. What it cannot is refused before the call. */
export interface VendorTranscription {
  /** For messages: `Deepgram`. */
  readonly name: string;
  readonly prompt: boolean;
  readonly temperature: boolean;
  readonly speakers: boolean;
  /** It tells no times: neither words nor segments. */
  readonly timeless?: boolean;
  options(request: TranscribeRequest): SharedV4ProviderOptions;
  model(settings: DialectSettings, model: string): TranscriptionModelV4;
  /** By default the package's segments are words. */
  pieces?(heard: Heard, request: TranscribeRequest): HeardPieces;
  usage?(heard: Heard): Usage | undefined;
}

/** Transcription of a vendor's package. */
export function transcribeDialect(vendor: VendorTranscription): NonNullable<Dialect['transcribe']> {
  return async ({ settings, model, request, signal }) => {
    refuseUnsupported(vendor, request);
    const heard = await vendor.model(settings, model).doGenerate({
      audio: request.bytes,
      mediaType: request.contentType,
      providerOptions: vendor.options(request),
      abortSignal: signal,
    });
    const { words, segments = segmentsOfWords(words) } = vendor.pieces?.(heard, request) ?? {
      words: heard.segments.map(pieceOf),
    };
    return {
      text: heard.text,
      language: heard.language ?? request.language,
      duration: heard.durationInSeconds,
      segments,
      words,
      usage: vendor.usage?.(heard),
    };
  };
}

/** A package's segment as a piece. */
export function pieceOf(segment: Heard['segments'][number]): TranscriptPiece {
  return { text: segment.text.trim(), start: segment.startSecond, end: segment.endSecond };
}

/** A list somewhere in what the vendor answered, of which a package keeps only a part. */
export function listIn(answer: unknown, ...path: readonly (string | number)[]): readonly Record<string, unknown>[] {
  let value: unknown = answer;
  for (const key of path) value = (value as Record<string | number, unknown> | null | undefined)?.[key];
  return Array.isArray(value) ? (value as Record<string, unknown>[]) : [];
}

/** A piece out of a vendor's own object; undefined: it is none. */
export function pieceFrom(
  record: Readonly<Record<string, unknown>>,
  names: { readonly text: string; readonly start: string; readonly end: string; readonly speaker?: string },
  perSecond = 1,
): TranscriptPiece | undefined {
  const [text, start, end] = [record[names.text], record[names.start], record[names.end]];
  if (typeof text !== 'string' || typeof start !== 'number' || typeof end !== 'number') return undefined;
  const speaker = names.speaker === undefined ? undefined : record[names.speaker];
  const named = typeof speaker === 'string' || typeof speaker === 'number' ? { speaker: String(speaker) } : {};
  return { text: text.trim(), start: start / perSecond, end: end / perSecond, ...named };
}

function refuseUnsupported({ name, ...able }: VendorTranscription, request: TranscribeRequest): void {
  const refuse = (param: string) => {
    throw unsupported(
      param,
      `${name} takes no \`${param}\` for transcriptions. Leave it out, or choose another model.`,
    );
  };
  if (!able.prompt && request.prompt !== undefined && request.prompt !== '') refuse('prompt');
  if (!able.temperature && request.temperature !== undefined && request.temperature !== 0) refuse('temperature');
  if (!able.speakers && request.diarize) {
    const message = `${name} does not tell speakers. Set another \`response_format\`, or choose another model.`;
    throw unsupported('response_format', message);
  }
  if (able.timeless && (request.words || request.segments)) {
    const message = `${name} tells no times. Set \`response_format\` to json or text, or choose another model.`;
    throw unsupported('response_format', message);
  }
}
