import type { TranscriptPiece } from '../dialect.js';

/** As subtitles have them: two lines of 42 characters, seven seconds. */
const maxCharacters = 84;
const maxSeconds = 7;
const pauseSeconds = 1;
const minSentence = 12;

const unspaced = String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]`;
const unspacedEnd = new RegExp(`${unspaced}$`, 'u');
const unspacedStart = new RegExp(`^${unspaced}`, 'u');
const sentenceEnd = /[.!?…。！？؟]["'”’)\]]*$/u;

/** Segments of a vendor that tells words only: one ends with a sentence, a pause, a speaker, or a subtitle's length. */
export function segmentsOfWords(words: readonly TranscriptPiece[]): TranscriptPiece[] {
  const segments: TranscriptPiece[] = [];
  let open: TranscriptPiece | undefined;
  for (const word of words) {
    if (open && endsBefore(open, word)) {
      segments.push(open);
      open = undefined;
    }
    open = open ? { ...open, text: joined(open.text, word.text), end: Math.max(open.end, word.end) } : word;
  }
  if (open) segments.push(open);
  return segments;
}

/** Two pieces of text, with a space where their script has spaces. */
export function joined(before: string, after: string): string {
  if (before === '' || after === '') return before + after;
  return unspacedEnd.test(before) || unspacedStart.test(after) ? before + after : `${before} ${after}`;
}

function endsBefore(open: TranscriptPiece, word: TranscriptPiece): boolean {
  return (
    open.speaker !== word.speaker ||
    word.start - open.end > pauseSeconds ||
    word.end - open.start > maxSeconds ||
    open.text.length + word.text.length + 1 > maxCharacters ||
    (open.text.length >= minSentence && sentenceEnd.test(open.text))
  );
}
