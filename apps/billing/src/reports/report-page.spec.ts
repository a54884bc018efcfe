import { describe, expect, it } from '@jest/globals';
import { pageWindowOf, reportPageOf } from './report-page.js';

const day = 86_400;
const options = { bucketSeconds: day, roundToSeconds: 60, limit: 2, now: 3 * day + 90 };

describe('pageWindowOf', () => {
  it('widens the range to whole minutes, and ends now when nobody says otherwise', () => {
    const { buckets, range } = pageWindowOf({ start_time: 2 * day + 61 }, options);
    expect(buckets).toEqual([
      { start: 2 * day + 60, end: 3 * day },
      { start: 3 * day, end: 3 * day + 120 },
    ]);
    expect(range).toEqual({ start: 2 * day + 60, end: 3 * day + 120 });
  });

  it('keeps the end of the first page for all pages', () => {
    const first = pageWindowOf({ start_time: 0 }, options);
    const page = first.nextPage ?? '';
    const second = pageWindowOf({ start_time: 0, page }, { ...options, now: 100 * day });
    expect(second.buckets).toEqual([
      { start: 2 * day, end: 3 * day },
      { start: 3 * day, end: 3 * day + 120 },
    ]);
    expect(second.nextPage).toBeNull();
  });

  it('is empty when the range begins in the future', () => {
    const window = pageWindowOf({ start_time: 50 * day }, options);
    expect(reportPageOf(window, [])).toEqual({ object: 'page', data: [], has_more: false, next_page: null });
  });
});

describe('reportPageOf', () => {
  it('shows a bucket in which nothing happened', () => {
    const window = pageWindowOf({ start_time: 60, end_time: 2 * day }, options);
    expect(reportPageOf(window, [{ second: day, result: 'used' }])).toEqual({
      object: 'page',
      data: [
        { object: 'bucket', start_time: 60, end_time: day, results: [] },
        { object: 'bucket', start_time: day, end_time: 2 * day, results: ['used'] },
      ],
      has_more: false,
      next_page: null,
    });
  });

  it('finds a result of the first bucket, which begins in the middle of a day', () => {
    const window = pageWindowOf({ start_time: 60, end_time: day }, options);
    expect(reportPageOf(window, [{ second: 0, result: 'used' }]).data[0]?.results).toEqual(['used']);
  });
});
