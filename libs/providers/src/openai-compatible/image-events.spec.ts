import { describe, expect, it } from '@jest/globals';
import { ImageEvents } from './image-events.js';

const usage = { input_tokens: 5, output_tokens: 100, total_tokens: 105 };
const event = (type: string, rest: object = {}) =>
  `event: image_generation.${type}\ndata: ${JSON.stringify({ type: `image_generation.${type}`, b64_json: 'QUJD', ...rest })}\n\n`;

function read(text: string, pieceBytes = text.length) {
  const events = new ImageEvents();
  const bytes = Buffer.from(text);
  const written: Uint8Array[] = [];
  let fault: unknown;
  for (let at = 0; at < bytes.length && !fault; at += pieceBytes) {
    const step = events.push(bytes.subarray(at, at + pieceBytes));
    if (step.write) written.push(step.write);
    fault = step.fault;
  }
  const end = events.finish();
  if (end.write) written.push(end.write);
  return { events, complete: end.complete, fault: fault ?? end.fault, text: Buffer.concat(written).toString() };
}

describe('a stream of images', () => {
  const whole = event('partial_image', { partial_image_index: 0 }) + event('completed', { usage, size: '1024x1024' });

  it.each([1, 2, 3, 7, 64, 1000])('is passed on the same in pieces of %d bytes', (pieceBytes) => {
    const { text, complete, events } = read(whole, pieceBytes);
    expect(text).toBe(whole);
    expect(complete).toBe(true);
    expect(events).toMatchObject({
      partials: 1,
      completed: 1,
      size: '1024x1024',
      usage: { input: 5, output_image: 100 },
    });
  });

  it('lets nothing through that OpenAI does not send', () => {
    const noisy = `: hello\n\nid: 7\nretry: 1\n${whole}event: ping\ndata: {"type":"ping"}\n\ndata: [DONE]\n\n`;
    expect(read(noisy).text).toBe(whole);
    expect(read(noisy, 5).text).toBe(whole);
  });

  it('takes the event line at its word where the data does not say what it is', () => {
    const untyped = 'event: image_edit.completed\ndata: {"b64_json":"QUJD"}\n\n';
    expect(read(untyped)).toMatchObject({ text: untyped, complete: true });
  });

  it('takes line ends of all kinds, and a last event without its blank line', () => {
    const { text, complete } = read(whole.replaceAll('\n', '\r\n').trimEnd());
    expect(complete).toBe(true);
    expect(text.replaceAll('\r', '')).toBe(whole);
  });

  it('lets a long event go before it is whole, and keeps none of it', () => {
    const events = new ImageEvents();
    const start = Buffer.from('data: {"type":"image_generation.partial_image","b64_json":"');
    expect(events.push(start).write?.length).toBeGreaterThan(start.length);
    const piece = Buffer.alloc(1_000_000, 'A');
    for (let count = 0; count < 50; count++) expect(events.push(piece).write).toHaveLength(piece.length);
    expect(events.isInside).toBe(true);
    expect(events.finish().complete).toBe(false);
  });

  it('is cut off without a completed image', () => {
    expect(read(event('partial_image')).complete).toBe(false);
    expect(read(event('partial_image') + event('completed').slice(0, -20)).complete).toBe(false);
  });

  it('reports the error of the provider, and nothing after it', () => {
    const error = { message: 'no', code: 'x' };
    const { fault, text } = read(`data: ${JSON.stringify({ type: 'error', error })}\n\n${whole}`);
    expect(fault).toEqual({ kind: 'error', error });
    expect(text).toBe('');
  });

  it('is garbled where a long event never says what it is', () => {
    expect(read(`data: {"b64_json":"${'A'.repeat(100_000)}"}\n\n`).fault).toEqual({ kind: 'garbled' });
  });

  it('is not believed of usage that cannot be', () => {
    const { events } = read(event('completed', { usage: { input_tokens: -1, output_tokens: 3 } }));
    expect(events.usage).toBeUndefined();
    expect(events.usageDisbelieved).toBe(true);
  });
});
