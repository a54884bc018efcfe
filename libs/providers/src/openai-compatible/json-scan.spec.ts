import { describe, expect, it } from '@jest/globals';
import { JsonScanner } from './json-scan.js';

function membersOf(text: string): { end: number; members: string[] } {
  const bytes = Buffer.from(text);
  const members: string[] = [];
  const scanner = new JsonScanner({
    member: (depth, start, end, value) =>
      void members.push(`${depth} ${bytes.toString('utf8', start, end)}=${bytes.toString('utf8', value, value + 1)}`),
  });
  return { end: scanner.scan(bytes, 0, bytes.length), members };
}

const valid = [
  '{}',
  '[]',
  '{"a":1}',
  ' { "a" : [ 1 , -2.5e+3 , "x" ] , "b" : { } } ',
  '{"a":{"b":[{"c":null},{"c":true}]},"d":false}',
  '{"text":"quote \\" backslash \\\\","emoji":"👍🏽","escaped":"\\u00e9"}',
  '[[[],{}],[{"a":[]}]]',
];

const invalid = [
  '',
  'null',
  '"text"',
  '{',
  '{"a"',
  '{"a":',
  '{"a":1',
  '{"a":1]',
  '[1}',
  '{"a":1,}',
  '[1,]',
  '[,1]',
  '{,}',
  '{"a" 1}',
  '{a:1}',
  '{"a":tru}',
  '{"a":"b',
  '{"a":"line\nbreak"}',
  '{"a":1 "b":2}',
  '{"a":@}',
  '<html></html>',
];

describe('scanning JSON', () => {
  it.each(valid)('accepts %s as JSON.parse does', (text) => {
    JSON.parse(text);
    expect(membersOf(text).end).toBe(text.trimEnd().length + (Buffer.byteLength(text) - text.length));
  });

  it.each(invalid)('refuses %j', (text) => {
    expect(membersOf(text).end).toBe(-1);
  });

  it('finds members with their depth, and none inside strings', () => {
    expect(membersOf('{"model":"m","choices":[{"delta":{"content":"\\"model\\":\\"x\\""}}]}').members).toEqual([
      '1 model="',
      '1 choices=[',
      '3 delta={',
      '4 content="',
    ]);
  });

  it('stops after the value, whatever follows', () => {
    expect(membersOf('{"a":1}{"b":2}').end).toBe(7);
  });

  it('gives up beyond its depth and never runs past the end', () => {
    expect(membersOf('['.repeat(31) + ']'.repeat(31)).end).toBe(-1);
    const whole = '{"id":"a","choices":[{"delta":{"content":"Ü\\n"},"logprobs":null}],"usage":{"n":12}}';
    for (let length = 0; length < Buffer.byteLength(whole); length++) {
      const cut = Buffer.from(whole).subarray(0, length);
      expect(new JsonScanner().scan(cut, 0, cut.length)).toBe(-1);
    }
  });
});
