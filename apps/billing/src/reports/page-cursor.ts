import { GatewayError } from '#libs/contracts';
import type { TimeRange } from './time-buckets.js';

const prefix = 'page_';
const lastSecond = 2 ** 40;

/** Where a page begins. It keeps the whole range, since "until now" must not grow from page to page. */
export interface PageCursor {
  readonly range: TimeRange;
  /** Start of the page's first bucket. */
  readonly next: number;
}

/** Opaque text for `next_page`. */
export function writeCursor({ range, next }: PageCursor): string {
  const bytes = Buffer.alloc(24);
  [range.start, range.end, next].forEach((second, index) => bytes.writeBigInt64BE(BigInt(second), index * 8));
  return prefix + bytes.toString('base64url');
}

/** The cursor of a page of this very query; anything else is the caller's error. */
export function readCursor(text: string, expected: { start: number; end?: number; bucketSeconds: number }): PageCursor {
  const bytes = Buffer.from(text.slice(prefix.length), 'base64url');
  if (bytes.length !== 24) throw notOurs();
  const [start, end, next] = [0, 8, 16].map((at) => Number(bytes.readBigInt64BE(at))) as [number, number, number];
  const cursor = { range: { start, end }, next };
  const fits =
    writeCursor(cursor) === text &&
    start === expected.start &&
    end === (expected.end ?? end) &&
    end < lastSecond &&
    end % 60 === 0 &&
    next > start &&
    next < end &&
    next % expected.bucketSeconds === 0;
  if (!fits) throw notOurs();
  return cursor;
}

function notOurs(): GatewayError {
  const message = "page is no cursor of this query. Send the previous page's next_page, and all else as before.";
  return new GatewayError('invalid_value', message, { param: 'page' });
}
