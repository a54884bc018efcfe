const key = Buffer.from('"embedding"');
const quote = 0x22;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/**
 * An answer without the inside of its vectors, which are nearly all of it and are found by the fastest search there is:
 * no number is looked at. What is left is small and can be walked; its places are led back to the whole.
 */
export class VectorGaps {
  /** The answer with every vector empty: `[]` or `""`. */
  readonly rest: Buffer;
  /** In `rest`, where the inside of each vector was. */
  private readonly places: number[] = [];
  /** By each place, how many bytes are left out up to it. */
  private readonly leftOut: number[] = [];

  constructor(bytes: Buffer) {
    const pieces: Buffer[] = [];
    let kept = 0;
    let from = 0;
    for (let start = valueAfterKey(bytes, 0); start >= 0;) {
      const end = bytes.indexOf(bytes[start] === openBracket ? closeBracket : quote, start + 1);
      if (end < 0) break;
      pieces.push(bytes.subarray(from, start + 1));
      kept += start + 1 - from;
      this.places.push(kept);
      this.leftOut.push(end - kept);
      from = end;
      start = valueAfterKey(bytes, end);
    }
    pieces.push(bytes.subarray(from));
    this.rest = pieces.length === 1 ? bytes : Buffer.concat(pieces);
  }

  /** The place in the whole of one in `rest`. */
  whole(place: number): number {
    let low = 0;
    let high = this.places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.places[middle] as number) <= place) low = middle + 1;
      else high = middle;
    }
    return place + (this.leftOut[low - 1] ?? 0);
  }
}

/** Where the next vector starts, or -1. The word may also be a value: `"object":"embedding"`. */
function valueAfterKey(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(key, from); at >= 0; at = bytes.indexOf(key, at + 1)) {
    let index = skipSpace(bytes, at + key.length);
    if (bytes[index] !== colon) continue;
    index = skipSpace(bytes, index + 1);
    if (bytes[index] === openBracket || bytes[index] === quote) return index;
  }
  return -1;
}

function skipSpace(bytes: Buffer, from: number): number {
  let index = from;
  while (index < bytes.length && (bytes[index] as number) <= 0x20) index++;
  return index;
}
