/** Bytes of JSON's grammar. */
export const quote = 0x22;
export const backslash = 0x5c;
export const comma = 0x2c;
export const colon = 0x3a;
export const openObject = 0x7b;
export const openArray = 0x5b;
export const closeObject = 0x7d;
export const closeArray = 0x5d;
const lowerU = 0x75;

export function isWhiteSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** `loneSurrogate` is negative as well: both end a scan. */
export const unterminated = -1;
export const loneSurrogate = -2;

/** Position behind a string's closing quote; `from` is anywhere inside it, not in the middle of an escape. */
export function endOfString(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte !== quote && byte !== backslash) {
      at++;
      continue;
    }
    if (byte === quote) return at + 1;
    if (bytes[at + 1] !== lowerU) {
      at += 2;
      continue;
    }
    at = endOfUnicodeEscape(bytes, at);
    if (at < 0) return at;
  }
  return unterminated;
}

/** `\ud83d\ude00` is one character; half of such a pair is none, and would silently become another one upstream. */
function endOfUnicodeEscape(bytes: Uint8Array, at: number): number {
  const unit = hexUnit(bytes, at + 2);
  if (unit < 0) return at + 2; // not an escape at all: JSON.parse will say so
  if (unit < 0xd800 || unit > 0xdfff) return at + 6;
  if (unit > 0xdbff || bytes[at + 6] !== backslash || bytes[at + 7] !== lowerU) return loneSurrogate;
  const low = hexUnit(bytes, at + 8);
  return low >= 0xdc00 && low <= 0xdfff ? at + 12 : loneSurrogate;
}

function hexUnit(bytes: Uint8Array, at: number): number {
  let unit = 0;
  for (let offset = 0; offset < 4; offset++) {
    const digit = hexDigit(bytes[at + offset] ?? 0);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
