import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { attemptFinished, attemptFinishedSubject, inferenceCallHead } from '#libs/contracts';
import { CallError } from '#libs/messaging';
import { goodBody } from './testing/http-case.js';
import type { PlayedCall } from './testing/fake-bus.js';
import { RawClient } from './testing/raw-http.js';
import { startTestIngress, type TestIngress } from './testing/test-ingress.js';

let ingress: TestIngress;
const exchange = { keepAliveMs: 100, stallMs: 300 };

beforeEach(async () => {
  ingress = await startTestIngress({ exchange });
});
afterEach(() => ingress.stop());

const post = (changes: object = {}, init: RequestInit = {}): Promise<Response> =>
  fetch(`${ingress.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ingress.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...goodBody, ...changes }),
    ...init,
  });
const stream = { stream: true };
const event = (text: string): string => `data: {"choices":[{"delta":{"content":"${text}"}}]}\n\n`;
const done = 'data: [DONE]\n\n';
const note = (attempt: number) => ({
  attemptId: `req_x#${attempt}`,
  provider: 'acme',
  upstreamModel: 'acme-large',
  price: { input: '150', output: '600' },
  startedAt: 1_767_225_600_000,
});
const lost = (): CallError => new CallError('peer_lost', 'the worker vanished');

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Lets the bytes written so far go out. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

function streamOf(call: PlayedCall, ...texts: string[]): void {
  call.openStream();
  for (const text of texts) call.data(event(text));
}

describe('an answer in one piece', () => {
  it('is passed on byte for byte with its length and ours headers', async () => {
    ingress.bus.play = (call) => {
      call.sink.onHead({
        status: 200,
        headers: {
          'content-type': 'application/json',
          'x-ratelimit-limit-requests': '9',
          server: 'acme',
          'set-cookie': 'a=b',
          'x-modapi-a': 'b\r\nx: y',
        },
      });
      call.sink.onData(Buffer.from('{"content":'));
      call.sink.onData(Buffer.from('"grün 😀"}'));
      call.sink.onEnd({ attempts: 1, provider: 'acme' });
    };
    const answer = await post();
    expect(await answer.text()).toBe('{"content":"grün 😀"}');
    const headers = Object.fromEntries(answer.headers);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': '24',
      'x-ratelimit-limit-requests': '9',
      'openai-version': '2020-10-01',
      'x-request-id': expect.stringMatching(/^req_[0-9a-f]{32}$/),
      'openai-processing-ms': expect.stringMatching(/^\d+$/),
    });
    for (const name of ['server', 'set-cookie', 'x-modapi-a', 'x']) expect(headers).not.toHaveProperty(name);
  });

  it('tells the worker who calls, what for, and where the spans are', async () => {
    const body = ` {"stream_options":{"include_usage":true},"stream":true, "model" : "gpt-test","messages":[{"role":"user","content":"hi"}]} `;
    ingress.bus.play = (call) => call.answer({});
    const answer = await post({}, { body });
    const { request } = ingress.bus.calls[0]!;
    const head = inferenceCallHead.parse(request.head);
    expect(head).toMatchObject({
      requestId: answer.headers.get('x-request-id'),
      endpoint: 'chat.completions',
      model: 'gpt-test',
      stream: true,
      includeUsage: true,
      attemptsMade: 0,
      caller: { organizationId: 'org_1', scope: 'inference' },
    });
    expect(request.subject).toBe('call.v1.chat.completions');
    const sent = Buffer.from(request.body as Uint8Array);
    expect(sent.toString()).toBe(body.trim());
    expect(sent.subarray(...head.spans!.model).toString()).toBe('"gpt-test"');
    expect(sent.subarray(...head.spans!.streamOptions!).toString()).toBe('{"include_usage":true}');
    expect(JSON.stringify(request.head)).not.toContain(ingress.key);
  });

  it('larger than the buffer goes out as it comes, in order and whole', async () => {
    const pieces = Array.from({ length: 40 }, (_, index) => Buffer.alloc(8_192, 97 + (index % 26)));
    ingress.bus.play = (call) => {
      call.sink.onHead({ status: 200, headers: { 'content-type': 'application/json' } });
      for (const piece of pieces) call.sink.onData(piece);
      call.sink.onEnd({});
    };
    const answer = await post();
    expect(Buffer.from(await answer.arrayBuffer()).equals(Buffer.concat(pieces))).toBe(true);
  });

  it('that breaks off after its first bytes breaks the connection', async () => {
    ingress.bus.play = (call) => {
      call.sink.onHead({ status: 200, headers: { 'content-type': 'application/json' } });
      call.sink.onData(Buffer.alloc(70_000, 97));
      setTimeout(() => call.sink.onError(lost()), 50);
    };
    await expect(post().then((answer) => answer.text())).rejects.toThrow();
  });

  it('keeps the status, code and Retry-After of an error from the worker', async () => {
    const gateway = {
      code: 'upstream_rate_limited',
      message: 'Slow down.',
      retryAfterSeconds: 7,
      upstream: { message: 'slow', type: 'requests', param: null, code: 'rate_limit_exceeded' },
    } as const;
    ingress.bus.play = (call) => call.sink.onError(new CallError('remote', 'slow down', gateway));
    const answer = await post();
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('7');
    expect(await answer.json()).toEqual({ error: gateway.upstream });
  });

  it.each([
    ['no_responders', 503, 'no_worker_available', '1'],
    ['deadline', 504, 'upstream_timeout', null],
    ['closed', 503, 'server_shutting_down', '1'],
    ['overflow', 500, 'internal_error', null],
  ] as const)('row 102–104: %s', async (reason, status, code, retryAfter) => {
    ingress.bus.play = (call) => call.sink.onError(new CallError(reason, 'sk-secret in an inner message'));
    const answer = await post();
    expect(answer.status).toBe(status);
    expect(answer.headers.get('retry-after')).toBe(retryAfter);
    const body = await answer.text();
    expect(JSON.parse(body)).toMatchObject({ error: { code, param: null } });
    expect(body).not.toContain('sk-secret');
    expect(ingress.bus.calls).toHaveLength(1);
  });
});

describe('a stream', () => {
  it('arrives as it comes, with its head once', async () => {
    ingress.bus.play = (call) => streamOf(call, 'a');
    const answer = await post(stream);
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    const reader = answer.body!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe(event('a'));
    const [call] = ingress.bus.calls;
    call!.data(event('b'));
    call!.data(done);
    call!.sink.onEnd({ attempts: 1, provider: 'acme' });
    expect(Buffer.from((await reader.read()).value!).toString()).toBe(`${event('b')}${done}`);
    expect((await reader.read()).done).toBe(true);
    await eventually(() => ingress.log.length > 0);
    expect(ingress.log).toEqual([
      expect.objectContaining({
        message: 'request',
        status: 200,
        model: 'gpt-test',
        provider: 'acme',
        organizationId: 'org_1',
        endpoint: 'chat.completions',
      }),
    ]);
  });

  it('grants what was written, and nothing to a caller that does not read', async () => {
    const client = await RawClient.open(ingress.port);
    client.socket.pause();
    const body = JSON.stringify({ ...goodBody, ...stream });
    ingress.bus.play = (call) => call.openStream();
    const { stallMs } = exchange;
    client.send(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ingress.key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await eventually(() => ingress.bus.calls.length === 1);
    const call = ingress.bus.calls[0]!;
    let sent = 0;
    const chunk = Buffer.alloc(65_536, 10);
    // The kernel's buffers take some megabytes before the socket is full.
    for (let round = 0; round < 400 && call.granted === sent; round++) {
      call.sink.onData(chunk);
      sent += chunk.length;
      await turn();
    }
    expect(call.granted).toBe(sent - chunk.length);
    client.socket.resume();
    await eventually(() => call.granted === sent);
    client.socket.pause();
    for (let round = 0; round < 400 && call.granted === sent; round++) {
      call.sink.onData(chunk);
      sent += chunk.length;
      await turn();
    }
    // Nothing taken for `stallMs`: the call is given up.
    await eventually(() => call.cancelled !== undefined);
    expect(call.cancelled).toBe('slow_client');
    await eventually(() => ingress.log.some(({ code }) => code === 'slow_client'));
    expect(stallMs).toBe(300);
    // Its worker vanishes before it could report.
    call.sink.onAbandoned?.([note(1)]);
    expect(ingress.bus.events).toMatchObject([{ event: { attempt_id: 'req_x#1', outcome: 'worker_lost' } }]);
    client.close();
  }, 30_000);

  it('is cancelled at once when the caller leaves, before and after the first byte', async () => {
    const leave = async (play: (call: PlayedCall) => void): Promise<void> => {
      ingress.bus.calls.length = 0;
      ingress.bus.play = play;
      const controller = new AbortController();
      const answer = post(stream, { signal: controller.signal }).then((got) => got.text());
      await eventually(() => ingress.bus.calls.length === 1);
      await turn();
      controller.abort();
      await expect(answer).rejects.toThrow();
      await eventually(() => ingress.bus.calls[0]?.cancelled === 'client_closed');
    };
    await leave(() => undefined);
    await leave((call) => streamOf(call, 'a'));
    expect(ingress.bus.events).toEqual([]);
    await eventually(() => ingress.log.length === 2);
    expect(ingress.log).toMatchObject([
      { status: 499, code: 'client_closed' },
      { status: 200, code: 'client_closed' },
    ]);
  });

  it('is kept open with comments between events while nothing comes', async () => {
    ingress.bus.play = () => undefined;
    const answer = await post(stream);
    expect(answer.status).toBe(200);
    const [call] = ingress.bus.calls;
    const text = answer.text();
    streamOf(call!, 'a');
    call!.sink.onData(Buffer.from('data: half'));
    await new Promise((resolve) => setTimeout(resolve, 250));
    call!.sink.onData(Buffer.from(' an event\n\n'));
    call!.data(done);
    call!.sink.onEnd({});
    expect((await text).replace(/^(: keep-alive\n\n)+/, '')).toBe(`${event('a')}data: half an event\n\n${done}`);
    expect(await text).toMatch(/^: keep-alive\n\n/);
  });

  it('that was opened by a comment gets its error in-band', async () => {
    ingress.bus.play = () => undefined;
    const answer = await post(stream);
    ingress.bus.calls[0]!.sink.onError(
      new CallError('remote', 'x', { code: 'upstream_error', message: 'All failed.' }),
    );
    const text = (await answer.text()).replaceAll(': keep-alive\n\n', '');
    expect(JSON.parse(text.slice('data: '.length))).toEqual({
      error: { message: 'All failed.', type: 'server_error', param: null, code: 'upstream_error' },
      request_id: answer.headers.get('x-request-id'),
    });
    expect(text).not.toContain('[DONE]');
  });
});

describe('a lost worker', () => {
  it('is replaced before the first byte, with the attempts counted on', async () => {
    ingress.bus.play = (call) => {
      if (ingress.bus.calls.length === 1) {
        call.sink.onNote?.(note(1));
        call.sink.onError(lost());
      } else call.answer({ ok: true });
    };
    const answer = await post();
    expect(await answer.json()).toEqual({ ok: true });
    expect(ingress.bus.calls.map(({ request }) => (request.head as { attemptsMade: number }).attemptsMade)).toEqual([
      0, 1,
    ]);
    expect(ingress.bus.events).toHaveLength(1);
    const finished = attemptFinished.parse(ingress.bus.events[0]!.event);
    expect(ingress.bus.events[0]!.subject).toBe(attemptFinishedSubject);
    expect(finished).toMatchObject({
      attempt_id: 'req_x#1',
      request_id: answer.headers.get('x-request-id'),
      witness: 'ingress',
      outcome: 'worker_lost',
      content_delivered: false,
      usage_source: 'none',
      usage: {},
      price: { input: '150', output: '600' },
    });
  });

  it('is replaced twice, then the caller is told', async () => {
    ingress.bus.play = (call) => {
      call.sink.onNote?.(note(ingress.bus.calls.length));
      call.sink.onError(lost());
    };
    const answer = await post(stream);
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({ error: { code: 'upstream_interrupted', type: 'server_error' } });
    expect(ingress.bus.calls).toHaveLength(3);
    expect(ingress.bus.events).toHaveLength(3);
  });

  it('is replaced behind a comment: comments are no content', async () => {
    ingress.bus.play = () => undefined;
    const answer = await post(stream);
    ingress.bus.play = (call) => {
      streamOf(call, 'a');
      call.data(done);
      call.sink.onEnd({});
    };
    ingress.bus.calls[0]!.sink.onError(new CallError('gap', 'a frame was lost'));
    expect((await answer.text()).replaceAll(': keep-alive\n\n', '')).toBe(`${event('a')}${done}`);
  });

  it('after content ends the stream in-band, and what was delivered is accounted for', async () => {
    ingress.bus.play = (call) => {
      call.sink.onNote?.(note(1));
      streamOf(call, 'a', 'b');
    };
    const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ';
    const content = [
      { type: 'text', text: 'x'.repeat(400) },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${png}${'A'.repeat(9_000)}` } },
    ];
    const answer = await post({ ...stream, messages: [{ role: 'user', content }] });
    const [call] = ingress.bus.calls;
    call!.sink.onData(Buffer.from('data: {"half'));
    call!.sink.onError(lost());
    const text = await answer.text();
    expect(text.startsWith(`${event('a')}${event('b')}data: {"half\n\ndata: {"error":{`)).toBe(true);
    expect(text).not.toContain('[DONE]');
    expect(JSON.parse(text.trimEnd().split('\n\n').at(-1)!.slice(6))).toMatchObject({
      error: { code: 'upstream_interrupted', type: 'server_error', param: null },
    });
    expect(ingress.bus.calls).toHaveLength(1);
    const finished = attemptFinished.parse(ingress.bus.events[0]!.event);
    expect(finished).toMatchObject({ content_delivered: true, usage_source: 'estimated', upstream_status: null });
    expect(finished.usage.output).toBe(2);
    // 400 characters of text and some words around it; the image's base64 counts nothing.
    expect(finished.usage.input).toBeGreaterThanOrEqual(100);
    expect(finished.usage.input).toBeLessThan(120);
  });

  it('after the caller left is accounted for, with what was delivered', async () => {
    ingress.bus.play = (call) => {
      call.sink.onNote?.(note(1));
      streamOf(call, 'a', 'b');
    };
    const controller = new AbortController();
    const answer = await post(stream, { signal: controller.signal });
    await answer.body!.getReader().read();
    controller.abort();
    const [call] = ingress.bus.calls;
    await eventually(() => call!.cancelled === 'client_closed');
    expect(ingress.bus.events).toEqual([]);
    call!.sink.onAbandoned?.([]);
    expect(ingress.bus.events).toHaveLength(1);
    expect(attemptFinished.parse(ingress.bus.events[0]!.event)).toMatchObject({
      attempt_id: 'req_x#1',
      witness: 'ingress',
      outcome: 'worker_lost',
      content_delivered: true,
      usage: { output: 2 },
    });
    expect(ingress.bus.calls).toHaveLength(1);
  });

  it('whose note crossed the cancel is accounted for as well', async () => {
    ingress.bus.play = () => undefined;
    const controller = new AbortController();
    const answer = post(stream, { signal: controller.signal }).catch(() => undefined);
    await eventually(() => ingress.bus.calls.length === 1);
    await turn();
    controller.abort();
    await answer;
    const [call] = ingress.bus.calls;
    await eventually(() => call!.cancelled === 'client_closed');
    call!.sink.onAbandoned?.([note(1), note(2)]);
    expect(ingress.bus.events.map(({ event }) => attemptFinished.parse(event))).toMatchObject([
      { attempt_id: 'req_x#2', outcome: 'worker_lost', content_delivered: false },
    ]);
  });

  it('without a note has done nothing that needs accounting', async () => {
    ingress.bus.play = (call) => (ingress.bus.calls.length < 2 ? call.sink.onError(lost()) : call.answer({}));
    expect((await post()).status).toBe(200);
    expect(ingress.bus.events).toEqual([]);
  });
});
