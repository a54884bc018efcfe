import { describe, expect, it } from '@jest/globals';
import { recordedStreams } from './__fixtures__/chat-streams.js';
import { ChatStream } from './chat-stream.js';

interface Run {
  readonly stream: ChatStream;
  readonly complete: boolean;
  readonly output: string;
  readonly writes: number;
}

function run(pieces: readonly Uint8Array[], withholdUsage = false, model = 'vendor/public'): Run {
  const output: Buffer[] = [];
  const stream = new ChatStream({ model, withholdUsage, write: (bytes) => output.push(Buffer.from(bytes)) });
  // Each read has memory of its own, reused at once, as a socket may do.
  for (const piece of pieces) {
    const read = Buffer.from(piece);
    stream.push(read);
    read.fill(0x7e);
  }
  return { stream, complete: stream.finish(), output: Buffer.concat(output).toString(), writes: output.length };
}

const bytesOf = (text: string) => [Buffer.from(text)];

/** Data of the events, parsed; fails on anything that is not a data line, a comment or a blank line. */
function eventsOf(output: string): (Record<string, unknown> | string)[] {
  const events: (Record<string, unknown> | string)[] = [];
  for (const block of output.split(/\r?\n\r?\n/).filter((part) => part !== '' && !part.startsWith(':'))) {
    const data = /^data: ?(.*)$/.exec(block)?.[1];
    if (data === undefined) throw new Error(`not an event: ${block}`);
    events.push(data === '[DONE]' ? data : (JSON.parse(data) as Record<string, unknown>));
  }
  return events;
}

function split(text: string, at: number): Buffer[] {
  const bytes = Buffer.from(text);
  return [bytes.subarray(0, at), bytes.subarray(at)];
}

describe.each(recordedStreams.map((recorded) => [recorded.name, recorded] as const))('%s', (_, recorded) => {
  it('arrives whole, with the public model and nothing else changed', () => {
    const { complete, output, stream } = run(bytesOf(recorded.upstream));
    expect(complete).toBe(true);
    expect(stream.text.toString()).toBe(recorded.text);
    expect(stream.usage).toEqual(recorded.usage);
    expect(stream.finishReason).toBe(recorded.finishReason);
    const renamed = recorded.upstream
      .replaceAll(/"model":( ?)"(?:[\w.-]*)"/g, '"model":$1"vendor/public"')
      .replaceAll(/^:.*\r?\n\r?\n/gm, '');
    const expected = renamed.includes('[DONE]') ? renamed : `${renamed}data: [DONE]\n\n`;
    expect(output.replaceAll(/^:.*\n\n/gm, '').replace('[DONE]\n\n', '[DONE]')).toBe(
      expected.replace(/\[DONE\]\r?\n\r?\n/, '[DONE]'),
    );
  });

  it('is the same at every split of two reads', () => {
    const whole = run(bytesOf(recorded.upstream));
    const size = Buffer.byteLength(recorded.upstream);
    for (let at = 0; at <= size; at++) {
      const { complete, output, stream } = run(split(recorded.upstream, at));
      expect(eventsOf(output)).toEqual(eventsOf(whole.output));
      expect([complete, stream.usage, stream.text.toString(), at]).toEqual([true, recorded.usage, recorded.text, at]);
    }
  });

  it('is the same byte by byte, and in pieces of every small size', () => {
    const bytes = Buffer.from(recorded.upstream);
    const whole = run([bytes]);
    for (let size = 1; size < 40; size++) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (__, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      const { output, stream } = run(pieces);
      expect(eventsOf(output)).toEqual(eventsOf(whole.output));
      expect(stream.text.toString()).toBe(recorded.text);
    }
  });

  it('keeps the usage chunk from who did not ask, and only that', () => {
    const asked = eventsOf(run(bytesOf(recorded.upstream)).output);
    const notAsked = run(bytesOf(recorded.upstream), true);
    expect(eventsOf(notAsked.output)).toHaveLength(asked.length - recorded.usageOnlyEvents);
    expect(notAsked.stream.usage).toEqual(recorded.usage);
  });

  it('is truncated wherever it is cut before its end', () => {
    const finishAt = recorded.upstream.search(/"finish_reason": ?"/);
    for (let at = 0; at < finishAt; at += 7) {
      const { complete, output } = run([Buffer.from(recorded.upstream).subarray(0, at)]);
      expect(complete).toBe(false);
      expect(output).not.toContain('[DONE]');
      eventsOf(output);
    }
  });
});

describe('a chat stream', () => {
  const chunk = (content: string) => `data: {"model":"m","choices":[{"index":0,"delta":{"content":"${content}"}}]}\n\n`;
  const finish = 'data: {"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n';
  const done = 'data: [DONE]\n\n';
  const role = 'data: {"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n';

  it('passes a read on as it came when nothing needs to change', () => {
    const bytes = Buffer.from(chunk('a') + chunk('b'));
    let written: Uint8Array | undefined;
    new ChatStream({ model: 'm', withholdUsage: true, write: (part) => (written = part) }).push(bytes);
    // The first read is copied, to look for a byte order mark; from then on nothing is.
    expect(Buffer.from(written!).equals(bytes)).toBe(true);
  });

  it('writes once per read', () => {
    expect(run(bytesOf(chunk('a').repeat(64))).writes).toBe(1);
  });

  it('writes nothing before there is content: until then another provider can answer', () => {
    expect(run(bytesOf(`: wait\n\n${role}`)).writes).toBe(0);
    const { output } = run(bytesOf(role + chunk('a')));
    expect(eventsOf(output)).toHaveLength(2);
    // A second event commits, whatever it holds.
    expect(run(bytesOf(role + role)).writes).toBe(1);
  });

  it.each([
    ['HTML', '<html><body>oops</body></html>\n\n'],
    ['HTML in an event', 'data: <html></html>\n\n'],
    ['an event cut short', 'data: {"model":"m","choices":[{"ind\n\n'],
    ['an event of another protocol', 'data: {"type":"message_start"}\n\n'],
    ['[DONE] at once', done],
    ['binary', 'data: \u0000\u0001\n\n'],
  ])('is garbled or empty: %s', (_, text) => {
    const { complete, output, stream } = run(bytesOf(text));
    expect(complete).toBe(false);
    expect(output).toBe('');
    expect(stream.done).toBe(false);
  });

  it('stops at a garbled event after good ones, and lets nothing of it through', () => {
    const { complete, output, stream } = run(bytesOf(`${chunk('a')}data: {"choices":[{]}\n\n${chunk('c')}${done}`));
    expect([complete, stream.fault?.kind]).toEqual([false, 'garbled']);
    expect(eventsOf(output)).toHaveLength(1);
  });

  it('tells of an error event and stops', () => {
    const { stream, output } = run(bytesOf(`${chunk('a')}data: {"error":{"message":"boom","code":502}}\n\n${done}`));
    expect(stream.fault).toEqual({ kind: 'error', error: { message: 'boom', code: 502 } });
    expect(output).not.toContain('boom');
    expect(run(bytesOf('data: {"error":null,"choices":[]}\n\n')).stream.fault).toBeUndefined();
    expect(run(bytesOf('data: {"error":"text","choices":[]}\n\n')).stream.fault?.error).toBe('text');
  });

  it('ignores what follows [DONE]', () => {
    const { complete, output } = run(
      bytesOf(`${chunk('a')}${finish}${done}${done}${chunk('forged')}HTTP/1.1 200 OK\r\n\r\n`),
    );
    expect(complete).toBe(true);
    expect(output).not.toContain('forged');
    expect(output.match(/\[DONE\]/g)).toHaveLength(1);
  });

  it('lets no other field, and no forged event, through', () => {
    const wicked = `event: forged\nid: 1\nretry: 1\n${chunk('a')}`;
    const returns = 'data: {"choices":[],\rdata: {"forged":1}\r\r"model":"m"}\n\n';
    const joined = 'data: {"choices":[{"delta":\ndata: {"content":"b"}}],"model":"m"}\n\n';
    const { output } = run(bytesOf(wicked + joined));
    expect(output).not.toMatch(/event:|id:|retry:/);
    expect(eventsOf(output)).toHaveLength(2);
    expect(run(bytesOf(chunk('a') + returns)).output).not.toContain('forged');
    const spaced = run(bytesOf(`${chunk('a')}data: {"choices":[],\r"model":"m"}\n\n`)).output;
    expect(spaced).not.toContain('\r');
    expect(eventsOf(spaced)).toHaveLength(2);
  });

  it('understands a byte order mark, and carriage returns alone', () => {
    expect(eventsOf(run(bytesOf(`\uFEFF${chunk('a')}`)).output)).toHaveLength(1);
    const returned = `${chunk('a')}${chunk('b')}${finish}${done}`.replaceAll('\n', '\r');
    for (let at = 0; at < returned.length; at++) {
      expect(eventsOf(run(split(returned, at)).output)).toHaveLength(4);
    }
  });

  it('is complete without [DONE] only when every choice ended', () => {
    const second = finish.replace('"index":0', '"index":1');
    const both = chunk('a') + chunk('b').replace('"index":0', '"index":1');
    expect(run(bytesOf(both + finish)).complete).toBe(false);
    expect(run(bytesOf(both + finish + second)).complete).toBe(true);
    expect(run(bytesOf(`${both}${finish}${second}data: {"cho`)).complete).toBe(false);
  });

  it('disbelieves wild usage and takes the last of several', () => {
    const usage = (tokens: string) =>
      `data: {"choices":[],"usage":{"prompt_tokens":${tokens},"completion_tokens":2}}\n\n`;
    for (const wild of ['-1', '1e12', '"7"', '1.5', '0']) {
      const { stream } = run(bytesOf(chunk('a') + usage(wild)));
      expect([stream.usage, stream.usageDisbelieved]).toEqual([undefined, true]);
    }
    expect(run(bytesOf(chunk('a') + usage('1') + usage('9'))).stream.usage).toEqual({ input: 9, output: 2 });
    // Zeros while the answer runs, the truth at its end.
    const running = run(bytesOf(usage('0') + chunk('a') + usage('9'))).stream;
    expect([running.usage, running.usageDisbelieved]).toEqual([{ input: 9, output: 2 }, false]);
  });

  it('disbelieves that nothing was generated when text was delivered', () => {
    const usage = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":0}}\n\n';
    const { stream } = run(bytesOf(chunk('a') + finish + usage + done));
    expect([stream.usage, stream.usageDisbelieved]).toEqual([undefined, true]);
    const empty = run(bytesOf(role + finish + usage + done)).stream;
    expect([empty.usage, empty.usageDisbelieved]).toEqual([{ input: 3, output: 0 }, false]);
  });

  it('takes a large event and refuses a giant one without keeping it', () => {
    const large = chunk('a'.repeat(4 * 1024 * 1024));
    const { complete, stream } = run(bytesOf(large + finish + done));
    expect(complete).toBe(true);
    expect(stream.text.complete).toBe(false);
    expect(stream.text.totalBytes).toBe(4 * 1024 * 1024);
    const pieces = Array.from({ length: 100 }, () => Buffer.alloc(64 * 1024, 0x61));
    expect(run([Buffer.from('data: '), ...pieces]).stream.fault?.kind).toBe('overflow');
  });

  it('ends at its output limit, and knows the chunk that says so', () => {
    const written: string[] = [];
    const stream = new ChatStream({
      ...{ model: 'vendor/public', withholdUsage: true, mayBeCut: true },
      write: (bytes) => written.push(Buffer.from(bytes).toString()),
    });
    stream.outputLimit = 2;
    stream.push(Buffer.from(role + chunk('a') + chunk('b') + chunk('c')));
    expect(stream.fault?.kind).toBe('limit');
    expect(stream.outputTokens).toBe(2);
    expect(eventsOf(written.join(''))).toHaveLength(3);
    expect(eventsOf(stream.lengthChunk().toString())[0]).toMatchObject({
      ...{ object: 'chat.completion.chunk', model: 'vendor/public' },
      choices: [{ index: 0, delta: {}, finish_reason: 'length' }],
    });
  });

  it('measures output by events, or by bytes where events hold several tokens', () => {
    const word = chunk(' words');
    expect(run(bytesOf(role + word.repeat(20))).stream.outputTokens).toBe(20);
    expect(run(bytesOf(role + chunk(' some words').repeat(20))).stream.outputTokens).toBe(55);
    expect(run(bytesOf(role + chunk('a') + chunk('b'))).stream.outputTokens).toBe(2);
    expect(run(bytesOf(chunk('a'.repeat(400)))).stream.outputTokens).toBe(100);
  });
});
