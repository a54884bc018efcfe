/** A stretch of a transcript, in seconds. */
export interface TranscriptStretch {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Sentences of a text with their times: a text is spoken at an even pace. */
export function segmentsOf(text: string, seconds: number): TranscriptStretch[] {
  return stretches(text, seconds, /[^.!?\n]+[.!?\n]*\s*/g);
}

/** Words of a text with their times. */
export function wordsOf(text: string, seconds: number): TranscriptStretch[] {
  return stretches(text, seconds, /\S+\s*/g).map((word) => ({ ...word, text: word.text.trim() }));
}

function stretches(text: string, seconds: number, pattern: RegExp): TranscriptStretch[] {
  const perCharacter = seconds / Math.max(1, text.length);
  return [...text.matchAll(pattern)].map((match) => ({
    text: match[0].trimEnd(),
    start: rounded(match.index * perCharacter),
    end: rounded((match.index + match[0].trimEnd().length) * perCharacter),
  }));
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

/** `00:01:02,345`, the mark before the milliseconds being the format's. */
function clock(seconds: number, mark: string): string {
  const total = Math.round(seconds * 1000);
  const [hours, minutes, rest] = [Math.floor(total / 3_600_000), Math.floor(total / 60_000) % 60, total % 60_000];
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(hours)}:${two(minutes)}:${two(Math.floor(rest / 1000))}${mark}${String(rest % 1000).padStart(3, '0')}`;
}

/** SubRip. */
export function srt(segments: readonly TranscriptStretch[]): string {
  return segments
    .map(({ text, start, end }, index) => `${index + 1}\n${clock(start, ',')} --> ${clock(end, ',')}\n${text}\n\n`)
    .join('');
}

/** WebVTT. */
export function vtt(segments: readonly TranscriptStretch[]): string {
  const cues = segments.map(({ text, start, end }) => `${clock(start, '.')} --> ${clock(end, '.')}\n${text}\n\n`);
  return `WEBVTT\n\n${cues.join('')}`;
}
