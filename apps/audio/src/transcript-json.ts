import type { Usage, WirePrice } from '#libs/contracts';
import type { TranscribeResult, TranscriptPiece } from '#libs/providers';
import type { TranscriptAsk } from './transcript-ask.js';

/** OpenAI's `usage` of a transcript. */
export type TranscriptUsage =
  | { readonly type: 'duration'; readonly seconds: number }
  | {
      readonly type: 'tokens';
      readonly input_tokens: number;
      readonly output_tokens: number;
      readonly total_tokens: number;
    };

/** What is charged, in OpenAI's words. */
export function openAiUsage(charged: Usage, price: WirePrice): TranscriptUsage | undefined {
  const { seconds, input = 0, input_audio: heard = 0, output = 0 } = charged;
  if (price.seconds !== undefined) return seconds === undefined ? undefined : { type: 'duration', seconds };
  const total = input + heard + output;
  return { type: 'tokens', input_tokens: input + heard, output_tokens: output, total_tokens: total };
}

/** A vendor's transcript and what is told of its usage. */
export interface Rendering {
  readonly result: TranscribeResult;
  readonly ask: TranscriptAsk;
  readonly usage: TranscriptUsage | undefined;
}

/** Formats that are JSON, as OpenAI's schemas have them. */
export const jsonFormats: Readonly<Record<string, (rendering: Rendering) => object>> = {
  json: ({ result, usage }) => ({ text: result.text, ...(usage && { usage }) }),
  verbose_json: verbose,
  diarized_json: diarized,
};

function verbose({ result, ask, usage }: Rendering): object {
  const { text, segments, words } = result;
  return {
    task: 'transcribe',
    language: languageName(result.language),
    duration: durationOf(result, ask),
    text,
    ...(ask.words && { words: words.map(({ text: word, start, end }) => ({ word, start, end })) }),
    ...(ask.segments && { segments: segments.map((piece, id) => whisperSegment(piece, id, ask)) }),
    ...(usage?.type === 'duration' && { usage }),
  };
}

/** What only Whisper's decoder knows is required by the schema: nothing is claimed with zeros, no tokens and a ratio of one. */
function whisperSegment({ start, end, text }: TranscriptPiece, id: number, { temperature = 0 }: TranscriptAsk): object {
  return {
    ...{ id, seek: 0, start, end, text, tokens: [], temperature },
    ...{ avg_logprob: 0, compression_ratio: 1, no_speech_prob: 0 },
  };
}

function diarized({ result, ask, usage }: Rendering): object {
  const { text } = result;
  const segments = speakerSegments(result.segments);
  return { task: 'transcribe', duration: durationOf(result, ask), text, segments, ...(usage && { usage }) };
}

/** Segments with OpenAI's labels: A, B, … in the order in which speakers are heard. */
export function speakerSegments(segments: readonly TranscriptPiece[]): object[] {
  const labels = new Map<string, string>();
  return segments.map(({ start, end, text, speaker = '' }, index) => {
    const label = labels.get(speaker) ?? labelOf(labels.size);
    labels.set(speaker, label);
    const id = `seg_${String(index + 1).padStart(3, '0')}`;
    return { type: 'transcript.text.segment', id, start, end, text, speaker: label };
  });
}

/** A to Z, then AA, AB, … */
function labelOf(index: number): string {
  const before = index < 26 ? '' : labelOf(Math.floor(index / 26) - 1);
  return before + String.fromCharCode(65 + (index % 26));
}

/** As reported, else as measured, else until the last word. */
function durationOf({ duration, segments, words }: TranscribeResult, { seconds }: TranscriptAsk): number {
  return duration ?? seconds ?? segments.at(-1)?.end ?? words.at(-1)?.end ?? 0;
}

const names = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });

/** Whisper's way: `english` for `en`, `eng` or `en-US`. */
function languageName(code: string | undefined): string {
  const primary = /^[a-z]{2,3}(?=$|[-_])/i.exec(code ?? '')?.[0];
  if (primary === undefined) return code?.toLowerCase() ?? 'unknown';
  return (names.of(primary) ?? primary).toLowerCase();
}
