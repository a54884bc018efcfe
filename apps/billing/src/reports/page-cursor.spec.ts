import { describe, expect, it } from '@jest/globals';
import { readCursor, writeCursor } from './page-cursor.js';

const day = 86_400;
const cursor = { range: { start: 60, end: 10 * day + 60 }, next: 3 * day };
const query = { start: 60, bucketSeconds: day };
const text = writeCursor(cursor);

describe('page cursor', () => {
  it('comes back as it was written', () => {
    expect(readCursor(text, query)).toEqual(cursor);
    expect(readCursor(text, { ...query, end: 10 * day + 60 })).toEqual(cursor);
  });

  it.each([
    ['garbage', 'page_garbage'],
    ['nothing', ''],
    ['another prefix', text.replace('page_', 'bage_')],
    ['a cut one', text.slice(0, -1)],
    ['a longer one', `${text}AAAA`],
    ['other characters', `${text.slice(0, -1)}!`],
    ['an end beyond all time', writeCursor({ range: { start: 60, end: 2 ** 50 * 60 }, next: day })],
    ['a bucket that begins at no edge', writeCursor({ ...cursor, next: 3 * day + 60 })],
    ['a bucket before the first', writeCursor({ ...cursor, next: 0 })],
    ['a bucket after the last', writeCursor({ ...cursor, next: 11 * day })],
  ])('is refused: %s', (_name, given) => {
    const read = () => readCursor(given, query);
    expect(read).toThrow(expect.objectContaining({ code: 'invalid_value', param: 'page' }));
  });

  it('belongs to one query', () => {
    expect(() => readCursor(text, { ...query, start: 120 })).toThrow('no cursor of this query');
    expect(() => readCursor(text, { ...query, end: 9 * day })).toThrow('no cursor of this query');
  });
});
