/** Counts as OpenAI's o200k models do. */
export interface Tokenizer {
  count(text: string): number;
  encode(text: string): number[];
  /** A single token may be a part of a character, hence bytes. */
  bytesOf(token: number): Uint8Array;
  /** The text of the tokens, without an incomplete character at the end. */
  decode(tokens: readonly number[]): string;
}

// Byte-pair merging is quadratic in a run without a break: 30,000 characters in a row took 0.5 s.
const longestRun = 400;
// Above this size counting would hold up every other call (6 ms per 100 KB), so the count is an estimate.
const longestExactText = 512 * 1024;
const charactersPerToken = 4;
// Special tokens such as <|endoftext|> are ordinary text here, not an error.
const asText = { disallowedSpecial: new Set<string>() };

let loading: Promise<Tokenizer> | undefined;

/** Loaded at first use: the ranks take 0.1 s and 80 MB. */
export function loadTokenizer(): Promise<Tokenizer> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Tokenizer> {
  const [{ encode, countTokens }, { default: ranks }] = await Promise.all([
    import('gpt-tokenizer/encoding/o200k_base'),
    import('gpt-tokenizer/bpeRanks/o200k_base'),
  ]);
  const bytesOf = (token: number): Uint8Array => {
    const entry = ranks[token];
    return typeof entry === 'string' ? Buffer.from(entry) : Uint8Array.from(entry ?? []);
  };
  return {
    count: (text) => {
      if (text.length > longestExactText) return Math.ceil(text.length / charactersPerToken);
      let sum = 0;
      for (const piece of withoutLongRuns(text)) sum += countTokens(piece, asText);
      return sum;
    },
    encode: (text) => withoutLongRuns(text).flatMap((piece) => encode(piece, asText)),
    bytesOf,
    decode: (tokens) =>
      new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(tokens.map(bytesOf)), { stream: true }),
  };
}

/** Cuts where a run of letters or of blanks is longer than the tokenizer can bear. */
function withoutLongRuns(text: string): string[] {
  if (text.length <= longestRun) return [text];
  const pieces: string[] = [];
  let start = 0;
  let run = 0;
  let wasBlank = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    const isBlank = code <= 32;
    run = isBlank === wasBlank ? run + 1 : 1;
    wasBlank = isBlank;
    // Never between the two halves of a surrogate pair.
    if (run > longestRun && (code & 0xfc00) !== 0xdc00) {
      pieces.push(text.slice(start, index));
      start = index;
      run = 1;
    }
  }
  pieces.push(text.slice(start));
  return pieces;
}
