import type { ByteRange } from './media-store.js';

/** One range of `Range: bytes=…`; undefined for none, several or another unit: then all is sent, as HTTP allows. */
export function rangeOf(header: string | undefined, bytes: number): ByteRange | 'unsatisfiable' | undefined {
  const match = header === undefined ? null : /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header);
  if (!match || match[0] === 'bytes=-') return undefined;
  const [from, to] = [match[1] as string, match[2] as string];
  // `-500`: the last 500.
  if (from === '') return within(Math.max(0, bytes - Number(to)), bytes - 1, bytes);
  if (to !== '' && Number(to) < Number(from)) return undefined;
  return within(Number(from), to === '' ? bytes - 1 : Math.min(Number(to), bytes - 1), bytes);
}

function within(first: number, last: number, bytes: number): ByteRange | 'unsatisfiable' {
  return first < bytes && first <= last ? { first, last } : 'unsatisfiable';
}
