import { describe, expect, it } from '@jest/globals';
// @ts-expect-error -- plain JavaScript without types, as all of test/bench
import { AnswerReader, MarkerCounter } from '../bench/answer-reader.mjs';

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Two answers on one connection, one by length and one in chunks, the marker across a chunk's end. */
const wire = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello' +
    'HTTP/1.1 429 Too Many\r\ntransfer-encoding: chunked\r\n\r\n' +
    '7\r\ndata: m\r\nA\r\nark\r\n\r\nmar\r\n1\r\nk\r\n0\r\n\r\n',
);

function readInPieces(sizes: readonly number[]): { answers: Answer[]; marks: number; isIdle: boolean } {
  const answers: Answer[] = [];
  const counter = new MarkerCounter(Buffer.from('mark'));
  let body = '';
  const reader = new AnswerReader({
    onBody: (piece: Buffer) => {
      body += piece.toString();
      counter.add(piece);
    },
    onEnd: (status: number) => {
      answers.push({ status, body });
      body = '';
    },
  });
  let from = 0;
  for (const size of [...sizes, wire.length]) {
    reader.push(wire.subarray(from, from + size));
    from += size;
  }
  return { answers, marks: counter.count, isIdle: reader.isIdle };
}

const whole = {
  answers: [
    { status: 200, body: 'hello' },
    { status: 429, body: 'data: mark\r\n\r\nmark' },
  ],
  marks: 2,
  isIdle: true,
};

describe('the bench reads answers', () => {
  it('that come in one piece', () => {
    expect(readInPieces([])).toEqual(whole);
  });

  it('that are split anywhere', () => {
    for (let at = 1; at < wire.length; at += 1) expect(readInPieces([at])).toEqual(whole);
  });

  it('that come byte by byte', () => {
    expect(readInPieces(Array.from({ length: wire.length }, () => 1))).toEqual(whole);
  });
});
