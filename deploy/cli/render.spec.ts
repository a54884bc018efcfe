import { describe, expect, it } from '@jest/globals';

interface Render {
  readonly render: (result: object) => string;
  readonly json: (data: unknown) => string;
  readonly timeText: (seconds: number | null | undefined) => string;
}
const { render, json, timeText }: Render = await import('./render.mjs' as string);

const evil = 'a\u001b[2Jb\u009bc\u202ed\r\ne';

describe('a table', () => {
  it('is as wide as its widest cells, numbers on the right', () => {
    const rows = [
      ['sandbox/chat', 7, '12.50'],
      ['x', 1_000, '-0.01'],
    ];
    expect(render({ columns: ['model', 'requests', '$'], rows })).toBe(
      [
        'model         requests      $',
        '────────────  ────────  ─────',
        'sandbox/chat         7  12.50',
        'x                 1000  -0.01',
        '',
      ].join('\n'),
    );
  });

  it('says so where there is nothing, in a cell or at all', () => {
    expect(render({ columns: ['a'], rows: [], empty: 'no costs' })).toBe('no costs\n');
    const cells = [null, undefined, '', true, false].map((value) => [value]);
    expect(
      render({ columns: ['a'], rows: cells })
        .split('\n')
        .slice(2),
    ).toEqual(['-', '-', '-', 'yes', 'no', '']);
  });

  it('has one line a row and nothing that steers a terminal', () => {
    expect(render({ columns: ['name'], rows: [[evil]] }).split('\n')[2]).toBe('a?[2Jb?c?d??e');
    expect(render({ note: `${evil}!` })).toBe('a?[2Jb?c?d?\ne!\n');
  });
});

describe('json', () => {
  it('is the same data, and nothing that steers a terminal', () => {
    const data = { name: evil, tag: '\u{e0041}', list: [1, null] };
    expect(JSON.parse(json(data))).toEqual(data);
    expect(json(data)).not.toMatch(/[^\P{C}\n]/u);
    expect(json({ a: 'grün 東京' })).toBe('{\n  "a": "grün 東京"\n}\n');
  });
});

describe('timeText', () => {
  it('is UTC to the minute, or a dash', () => {
    expect([timeText(1_767_225_659), timeText(null), timeText(undefined)]).toEqual(['2026-01-01 00:00', '-', '-']);
  });
});
