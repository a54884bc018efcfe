// Bounds the work on a long conversation; nobody tells a sandbox more.
const longestText = 20_000;

/** Sentences of a text, and clauses such as "and my …" that tell something of their own. */
export function sentencesOf(text: string): string[] {
  return text
    .slice(0, longestText)
    .split(/(?<=[.!?])\s+|\n+|,?\s+and\s+(?=(?:my|i|what|who|where|which|how)\b)/i)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== '');
}

const stopWords = new Set(
  (
    'a an and are about as at be been but by can could did do does for from had has have how i if in into is it its just ' +
    'me my no not of on or our please shall should so some tell than that the their them then there these they this those ' +
    'to us was we were what when where which who whom whose why will with would you your yours'
  ).split(' '),
);

/** Words that carry meaning, as they were written. */
export function contentWords(text: string): string[] {
  const words = text.slice(0, longestText).match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu) ?? [];
  return words.filter((word) => !stopWords.has(word.toLowerCase()));
}

const instructionWords = new Set(
  (
    'answer article book briefly call check compose create couple describe detail details essay exactly explain find five four generate get give hello help hi ' +
    'kindly let line lines list long make many message need one outline paragraph paragraphs poem provide say sentence ' +
    'sentences search short shortly show story summarise summarize summary talk text thing things three two use want word words write'
  ).split(' '),
);

/** Words that say what to do, not what it is about. */
export function isInstruction(word: string): boolean {
  return instructionWords.has(word.toLowerCase());
}

/** Lower case without common endings, so that `cities` meets `city` and `booking` meets `book`. */
export function stemOf(word: string): string {
  const lower = word.toLowerCase().replace(/['’]s$/, '');
  if (lower.length > 4 && lower.endsWith('ies')) return `${lower.slice(0, -3)}y`;
  if (lower.length > 5 && lower.endsWith('ing')) return lower.slice(0, -3);
  if (lower.length > 3 && lower.endsWith('s') && !lower.endsWith('ss')) return lower.slice(0, -1);
  return lower;
}
