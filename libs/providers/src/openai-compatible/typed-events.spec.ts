import { describe, expect, it } from '@jest/globals';
import { TypedEvents } from './typed-events.js';

const delta = 'data: {"type":"x.delta","audio":"AAAA"}\n\n';
const done = 'data: {"type":"x.done","usage":{"input_tokens":1}}\n\n';

function read(text: string, step = text.length) {
  const heard: { event: Readonly<Record<string, unknown>>; dataBytes: number }[] = [];
  const events = new TypedEvents({
    last: ['x.done'],
    bulk: 'x.delta',
    hear: (event, dataBytes) => void heard.push({ event, dataBytes }),
  });
  const bytes = Buffer.from(text);
  let passed = '';
  for (let at = 0; at < bytes.length; at += step)
    passed += events.push(bytes.subarray(at, at + step))?.toString() ?? '';
  return { events, heard, passed };
}

describe('TypedEvents', () => {
  it.each([1, 7, 1000])('passes whole events on, however reads of %i bytes split them', (step) => {
    const { events, heard, passed } = read(delta + delta + done, step);
    expect(passed).toBe(delta + delta + done);
    expect(events.done).toBe(true);
    expect(heard.map(({ event }) => event['type'])).toEqual(['x.delta', 'x.delta', 'x.done']);
    expect(heard[0]).toEqual({ event: { type: 'x.delta' }, dataBytes: 33 });
    expect(heard[2]!.event['usage']).toEqual({ input_tokens: 1 });
  });

  it('reads an event of the bulk type whose type does not stand first', () => {
    const { heard } = read('data: {"audio":"AAAA","type":"x.delta"}\n\n');
    expect(heard[0]!.event['audio']).toBe('AAAA');
  });

  it('keeps comments, other fields and a [DONE] from the caller', () => {
    const { passed } = read(`: hi\n\nevent: x.delta\nid: 1\n${delta}data: [DONE]\n\n${done}`);
    expect(passed).toBe(delta + done);
  });

  it('reads nothing after the last event', () => {
    expect(read(done + delta).passed).toBe(done);
  });

  it.each(['data: {"error":{"message":"no"}}\n\n', 'data: {"type":"error","message":"no"}\n\n'])(
    'stops at an error: %j',
    (text) => {
      const { events, passed } = read(delta + text + done);
      expect(passed).toBe(delta);
      expect(events.fault).toMatchObject({ kind: 'error', error: { message: 'no' } });
      expect(events.done).toBe(false);
    },
  );

  it('stops at what is no event', () => {
    expect(read('data: <html>\n\n').events.fault).toEqual({ kind: 'garbled' });
  });
});
