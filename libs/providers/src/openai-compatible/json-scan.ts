const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Brackets deeper than this are not told apart: the caller falls back to `JSON.parse`. */
const maxDepth = 30;

/** Hears of every member of every object, before its value was looked at. */
export interface MemberVisitor {
  /** Depth 1 is the root. The key without its quotes is [keyStart, keyEnd); its value starts at `valueStart`. */
  member(depth: number, keyStart: number, keyEnd: number, valueStart: number): void;
}

/**
 * Walks one JSON object or array and finds its members without building anything, several times cheaper than
 * `JSON.parse`. Strict about structure and strings (no raw control characters, so no forged line break); of numbers
 * only the characters are checked. Make one and use it again: it allocates nothing.
 */
export class JsonScanner {
  private bytes: Uint8Array = Buffer.alloc(0);
  private end = 0;
  /** The last pass met a carriage return between tokens: white space to JSON, a line end to an event stream. */
  carriageReturns = false;

  constructor(private readonly visitor?: MemberVisitor) {}

  /** The index after the value that starts at `start`, or -1 where it is not JSON. */
  scan(bytes: Uint8Array, start: number, end: number): number {
    this.bytes = bytes;
    this.end = end;
    this.carriageReturns = false;
    let index = start;
    let depth = 0;
    // One bit per open bracket, 1 for an object.
    let kinds = 0;
    for (;;) {
      index = this.skipSpace(index);
      const byte = index < end ? bytes[index] : 0;
      if (byte === openBrace || byte === openBracket) {
        if (++depth > maxDepth) return -1;
        const object = byte === openBrace;
        kinds = (kinds << 1) | (object ? 1 : 0);
        index = this.skipSpace(index + 1);
        const empty = bytes[index] === (object ? closeBrace : closeBracket);
        if (object && !empty) index = this.skipKey(index, depth);
        if (index < 0) return -1;
        if (!empty) continue;
      } else {
        if (depth === 0) return -1;
        index = byte === quote ? skipString(bytes, index, end) : skipScalar(bytes, index, end);
        if (index < 0) return -1;
      }

      // A value ends here, or an empty bracket: close what closes, then a comma must follow.
      index = this.skipSpace(index);
      while (index < end && bytes[index] === ((kinds & 1) === 1 ? closeBrace : closeBracket)) {
        kinds >>>= 1;
        index++;
        if (--depth === 0) return index;
        index = this.skipSpace(index);
      }
      if (index >= end || bytes[index] !== comma) return -1;
      index++;
      if ((kinds & 1) === 1) index = this.skipKey(this.skipSpace(index), depth);
      if (index < 0) return -1;
    }
  }

  private skipSpace(start: number): number {
    let index = start;
    const { bytes, end } = this;
    while (index < end) {
      const byte = bytes[index];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
      if (byte === 0x0d) this.carriageReturns = true;
      index++;
    }
    return index;
  }

  /** Over `"key":`, telling the visitor; -1 where that is not what stands here. */
  private skipKey(start: number, depth: number): number {
    const { bytes, end } = this;
    if (start >= end || bytes[start] !== quote) return -1;
    const afterKey = skipString(bytes, start, end);
    if (afterKey < 0) return -1;
    const index = this.skipSpace(afterKey);
    if (index >= end || bytes[index] !== colon) return -1;
    const valueStart = this.skipSpace(index + 1);
    this.visitor?.member(depth, start + 1, afterKey - 1, valueStart);
    return valueStart;
  }
}

/** The index after the closing quote of the string whose opening quote is at `start`, or -1. */
export function skipString(bytes: Uint8Array, start: number, end: number): number {
  for (let index = start + 1; index < end; index++) {
    const byte = bytes[index] as number;
    if (byte === quote) return index + 1;
    if (byte === backslash) index++;
    else if (byte < 0x20) return -1;
  }
  return -1;
}

const literals = ['true', 'false', 'null'].map((word) => Buffer.from(word));

function skipScalar(bytes: Uint8Array, start: number, end: number): number {
  let index = start;
  while (index < end && isNumeric(bytes[index] as number)) index++;
  if (index > start) return index;
  for (const literal of literals) {
    if (startsWith(bytes, start, literal)) return start + literal.length <= end ? start + literal.length : -1;
  }
  return -1;
}

/** Digits and + - . E e. */
function isNumeric(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2e || byte === 0x2b || (byte | 0x20) === 0x65;
}

/** Whether `word` stands at `start`; reads nothing beyond the array. */
export function startsWith(bytes: Uint8Array, start: number, word: Uint8Array): boolean {
  for (let index = 0; index < word.length; index++) {
    if (bytes[start + index] !== word[index]) return false;
  }
  return true;
}

/** The JSON value at `start`; the scan before vouches for it. */
export function valueAt(bytes: Uint8Array, start: number, end: number): unknown {
  const first = bytes[start];
  const nested = first === 0x7b || first === 0x5b;
  const after = nested ? new JsonScanner().scan(bytes, start, end) : end;
  const text = Buffer.from(bytes.subarray(start, after < 0 ? end : after)).toString();
  if (nested) return JSON.parse(text);
  // A string or number stands until the next comma or bracket; only its text is wanted.
  return /^"(?:[^"\\]|\\.)*"|^[^,}\]]*/.exec(text)?.[0].replaceAll(/^"|"$/g, '');
}
