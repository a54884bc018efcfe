import type { TranscriptPiece } from '#libs/providers';

/** A transcript, whoever made it. */
export interface Transcript {
  readonly text: string;
  readonly segments: readonly TranscriptPiece[];
}

/** Formats that are rendered as plain text. */
export const textFormats: Readonly<Record<string, (transcript: Transcript) => string>> = {
  text: ({ text }) => `${text.trim()}\n`,
  srt: ({ segments }) =>
    shown(segments)
      .map((piece, index) => srtCue(piece, index + 1))
      .join(''),
  vtt: ({ segments }) => `WEBVTT\n\n${shown(segments).map(vttCue).join('')}`,
};

/** A cue without text would show nothing. */
function shown(segments: readonly TranscriptPiece[]): readonly TranscriptPiece[] {
  return segments.filter(({ text }) => oneCue(text) !== '');
}

function srtCue({ start, end, text }: TranscriptPiece, number: number): string {
  return `${number}\n${timeOf(start, ',')} --> ${timeOf(Math.max(start, end), ',')}\n${oneCue(text)}\n\n`;
}

function vttCue({ start, end, text }: TranscriptPiece): string {
  return `${timeOf(start, '.')} --> ${timeOf(Math.max(start, end), '.')}\n${escaped(oneCue(text))}\n\n`;
}

/** A blank line would end the cue. */
function oneCue(text: string): string {
  return text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');
}

/** WebVTT reads markup, and `-->` ends a cue (W3C WebVTT, "WebVTT cue text span"); SRT has no escapes. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** `01:02:03,456`; rounded to milliseconds as a whole, so that no part reads 60 or 1000. */
function timeOf(seconds: number, mark: ',' | '.'): string {
  const total = Number.isFinite(seconds) ? Math.max(0, Math.round(seconds * 1000)) : 0;
  const [hours, minutes] = [Math.floor(total / 3_600_000), Math.floor(total / 60_000) % 60];
  const clock = [hours, minutes, Math.floor(total / 1000) % 60].map((part) => String(part).padStart(2, '0')).join(':');
  return `${clock}${mark}${String(total % 1000).padStart(3, '0')}`;
}
