import { describe, expect, it } from '@jest/globals';
import { type FrameHeader, FrameReader, frameTypes, headerBytes, writeHeader } from './frame.js';
import { decodeOpen, encodeOpen } from './open-frame.js';

function frame(header: FrameHeader, payload: string): Buffer {
  const text = Buffer.from(payload);
  const bytes = Buffer.alloc(headerBytes + text.length);
  writeHeader(bytes, 0, header, text.length);
  bytes.set(text, headerBytes);
  return bytes;
}

describe('FrameReader', () => {
  it('walks over the frames of a message', () => {
    const message = Buffer.concat([
      frame({ type: frameTypes.head, sequence: 0, call: 0xfffffffe }, '{"status":200}'),
      frame({ type: frameTypes.data, flags: 3, sequence: 0xffffffff, call: 7 }, 'bytes'),
      frame({ type: frameTypes.ping, sequence: 2, call: 7 }, ''),
    ]);
    const reader = new FrameReader(new Uint8Array(message)); // a split message is no Buffer
    expect(reader.next()).toBe(true);
    expect([reader.type, reader.flags, reader.sequence, reader.call]).toEqual([frameTypes.head, 0, 0, 0xfffffffe]);
    expect(reader.json()).toEqual({ status: 200 });
    expect(reader.next()).toBe(true);
    expect([reader.flags, reader.sequence, reader.payload().toString()]).toEqual([3, 0xffffffff, 'bytes']);
    expect(reader.next()).toBe(true);
    expect(reader.json()).toBeUndefined();
    expect(reader.next()).toBe(false);
  });

  it.each([
    ['a cut header', frame({ type: 5, sequence: 0, call: 1 }, '').subarray(0, 10)],
    ['a cut payload', frame({ type: 5, sequence: 0, call: 1 }, 'abc').subarray(0, 17)],
    ['another version', Buffer.alloc(16, 9)],
  ])('refuses %s', (_what, message) => {
    expect(() => new FrameReader(message).next()).toThrow();
  });
});

describe('the opening frame', () => {
  const request = {
    subject: 'call.v1.chat.completions',
    head: { model: 'größer', n: 1 },
    body: Buffer.from('{"messages":[]}'),
    deadlineMs: 600_000,
  };

  it('carries everything in one message', () => {
    const trace = { traceparent: '00-a-b-01', tracestate: 'x=1' };
    const decoded = decodeOpen(encodeOpen({ ...request, trace }, 42, false));
    expect({ ...decoded, body: decoded.body.toString() }).toEqual({
      ...{
        call: 42,
        deadlineMs: 600_000,
        head: request.head,
        trace,
        bodyFollows: false,
        bodyPulled: false,
        bodyBytes: 15,
      },
      body: '{"messages":[]}',
    });
  });

  it('leaves a large body to later frames and says how large it is', () => {
    const decoded = decodeOpen(encodeOpen(request, 42, true));
    expect([decoded.body.length, decoded.bodyFollows, decoded.bodyBytes]).toEqual([0, true, 15]);
    expect(decoded.trace).toEqual({});
  });

  it('is refused when it is cut or lies about its lengths', () => {
    const message = encodeOpen(request, 42, false);
    for (let length = 0; length < message.length; length++) {
      expect(() => decodeOpen(message.subarray(0, length))).toThrow();
    }
    message.writeUInt32LE(14, headerBytes + 12);
    expect(() => decodeOpen(message)).toThrow('disagree');
  });
});
