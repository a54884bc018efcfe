import type { ReportPage } from '#libs/contracts';
import { readCursor, writeCursor } from './page-cursor.js';
import { bucketsOf, ceilTo, floorTo, type TimeRange } from './time-buckets.js';

/** What a report's query says about time and pages. */
export interface PageQuery {
  readonly start_time: number;
  readonly end_time?: number | undefined;
  readonly page?: string | undefined;
}

export interface PageOptions {
  readonly bucketSeconds: number;
  /** The range is widened to multiples of this. */
  readonly roundToSeconds: number;
  readonly limit: number;
  /** Unix seconds. */
  readonly now: number;
}

/** The buckets that one page shows. */
export interface PageWindow {
  readonly bucketSeconds: number;
  readonly buckets: readonly TimeRange[];
  /** What they cover together; empty when there are none. */
  readonly range: TimeRange;
  readonly nextPage: string | null;
}

/** A result and the bucket it belongs to, by any second within. */
export interface BucketResult<Result> {
  readonly second: number;
  readonly result: Result;
}

/** Which buckets to read. Throws for a cursor that is none. */
export function pageWindowOf(query: PageQuery, options: PageOptions): PageWindow {
  const { bucketSeconds, roundToSeconds } = options;
  const start = floorTo(query.start_time, roundToSeconds);
  const givenEnd = query.end_time === undefined ? undefined : ceilTo(query.end_time, roundToSeconds);
  const expected = { start, bucketSeconds, ...(givenEnd !== undefined && { end: givenEnd }) };
  const cursor =
    query.page === undefined
      ? { range: { start, end: givenEnd ?? ceilTo(options.now, roundToSeconds) }, next: start }
      : readCursor(query.page, expected);
  const buckets = bucketsOf({ start: cursor.next, end: cursor.range.end }, bucketSeconds, options.limit);
  const next = buckets.at(-1)?.end ?? cursor.next;
  return {
    bucketSeconds,
    buckets,
    range: { start: cursor.next, end: next },
    nextPage: next < cursor.range.end ? writeCursor({ range: cursor.range, next }) : null,
  };
}

/** OpenAI's page: every bucket of the window, whether anything happened or not. */
export function reportPageOf<Result>(
  { buckets, bucketSeconds, nextPage }: PageWindow,
  rows: readonly BucketResult<Result>[],
): ReportPage<Result> {
  const byBucket = new Map<number, Result[]>();
  for (const { second, result } of rows) {
    const bucket = floorTo(second, bucketSeconds);
    const results = byBucket.get(bucket);
    if (results) results.push(result);
    else byBucket.set(bucket, [result]);
  }
  return {
    object: 'page',
    data: buckets.map(({ start, end }) => ({
      object: 'bucket',
      start_time: start,
      end_time: end,
      results: byBucket.get(floorTo(start, bucketSeconds)) ?? [],
    })),
    has_more: nextPage !== null,
    next_page: nextPage,
  };
}
