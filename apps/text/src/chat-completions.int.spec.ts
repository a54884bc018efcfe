import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { attemptFinished } from '#libs/contracts';
import { answers, chunk, ScriptedUpstream, streams, usage, wholeStream } from './testing/scripted-upstream.js';
import { type CallOptions, TextWorker } from './testing/text-worker.js';

const credential = 'sk-upstream-credential-0123456789';
const upstream = new ScriptedUpstream();
let worker: TextWorker;
let url: string;

const price = { input: '0.15', output: '0.60' };
const scripts = [
  ...['ok', 'other', 'limited', 'down', 'broken', 'truncated', 'garbled', 'resets', 'hangs', 'stalls', 'endless'],
  ...[
    'error-event',
    'no-usage',
    'echo',
    'html',
    'zipped',
    'redirects',
    'refuses',
    'unauthorized',
    'missing',
    'reset-once',
  ],
];

beforeAll(async () => {
  url = await upstream.listen();
  const timeouts = { firstByteMs: 400, idleMs: 400 };
  const provider = (name: string) => ({
    ...{ preset: 'openai-compatible', baseUrl: `${url}/${name}/v1`, apiKey: 'env:UPSTREAM_KEY', timeouts },
  });
  const deployment = (name: string) => ({ provider: name, model: 'up-model', price });
  worker = await TextWorker.start(
    {
      providers: {
        ...Object.fromEntries(scripts.map((name) => [name, provider(name)])),
        picky: { preset: 'groq', baseUrl: `${url}/picky/v1`, apiKey: 'env:UPSTREAM_KEY' },
        nowhere: { preset: 'openai-compatible', baseUrl: 'http://127.0.0.1:1/v1' },
      },
      models: [
        ...scripts.map((name) => ({ id: name, deployments: [deployment(name)] })),
        ...['limited', 'down', 'broken', 'resets', 'hangs', 'html', 'unauthorized', 'nowhere', 'redirects'].map(
          (name) => ({
            id: `${name}-then-ok`,
            deployments: [deployment(name), deployment('ok')],
          }),
        ),
        { id: 'picky', deployments: [deployment('picky')] },
        { id: 'picky-then-ok', deployments: [deployment('picky'), deployment('ok')] },
        { id: 'unpriced', deployments: [{ provider: 'ok', model: 'up-model' }] },
      ],
    },
    { UPSTREAM_KEY: credential, MODAPI_SANDBOX_URL: `${url}/sandbox` },
  );
  upstream.script('ok', (response, received) =>
    (JSON.parse(received.body) as { stream?: boolean }).stream
      ? streams(wholeStream)(response, received)
      : answers(200, answer)(response, received),
  );
  upstream.script('limited', answers(429, { error: { message: 'slow' } }, { 'retry-after': '3' }));
  upstream.script('down', answers(503, 'down'));
  upstream.script('broken', answers(500, { error: { message: `key ${credential}` } }));
  upstream.script('html', answers(200, '<html></html>', { 'content-type': 'text/html' }));
  upstream.script('unauthorized', answers(401, { error: { message: `Incorrect API key: ${credential}` } }));
  upstream.script('redirects', answers(302, '', { location: `${url}/ok/v1/chat/completions` }));
  upstream.script('resets', (response) => void response.socket?.destroy());
  upstream.script('hangs', () => undefined);
  upstream.script('sandbox', streams(wholeStream));
});

afterAll(async () => {
  await worker.stop();
  upstream.close();
});

const answer = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  model: 'up-model',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello there' }, finish_reason: 'stop' }],
  usage,
};
const messages = [{ role: 'user', content: 'Say hello, grüße 👋' }];

async function chat(model: string, rest: Record<string, unknown> = {}, options: CallOptions = {}) {
  const requestId = worker.nextRequestId();
  const reply = await worker.call({ messages, model, ...rest }, { requestId, ...options });
  const attempts = worker.eventsOf(requestId);
  for (const attempt of attempts) attemptFinished.parse(attempt);
  return { ...reply, attempts, outcomes: attempts.map(({ outcome }) => outcome) };
}

const streamed = (model: string, rest: Record<string, unknown> = {}, options: CallOptions = {}) =>
  chat(model, { stream: true, ...rest }, options);

function eventsOf(body: string): unknown[] {
  const blocks = body.split('\n\n').filter((block) => block !== '');
  return blocks.map((block) => (block === 'data: [DONE]' ? '[DONE]' : JSON.parse(block.slice(6))));
}

describe('an answer that goes well', () => {
  it('comes whole, with the asked model, and is metered before the call ends', async () => {
    const { status, headers, body, notes, trailer, attempts } = await chat('ok');
    expect(status).toBe(200);
    expect(headers).toEqual({
      'content-type': 'application/json',
      'x-modapi-provider': 'ok',
      'x-modapi-cost-nano-usd': '3750',
      'x-modapi-usage-source': 'provider',
    });
    expect(JSON.parse(body)).toEqual({ ...answer, model: 'ok' });
    expect(trailer).toEqual({ attempts: 1, provider: 'ok', tokens: 13 });
    expect(notes).toEqual([
      expect.objectContaining({ attemptId: attempts[0]!.attempt_id, provider: 'ok', upstreamModel: 'up-model' }),
    ]);
    expect(attempts).toHaveLength(1);
    expect(attempts[0]).toMatchObject({
      organization_id: 'org_1',
      witness: 'worker',
      outcome: 'done',
      upstream_status: 200,
      usage: { input: 9, output: 4 },
      usage_source: 'provider',
      price: { input: '150000000', output: '600000000' },
      content_delivered: true,
      trace_id: null,
    });
  });

  it('streams, withholds the usage that nobody asked for, and passes allowed headers only', async () => {
    const { headers, body, attempts } = await streamed('ok');
    const events = eventsOf(body);
    expect(events).toHaveLength(5);
    expect(events.at(-1)).toBe('[DONE]');
    expect(events.every((event) => event === '[DONE]' || (event as { model: string }).model === 'ok')).toBe(true);
    expect(headers).toEqual({
      'content-type': 'text/event-stream; charset=utf-8',
      'x-modapi-provider': 'ok',
      'x-modapi-upstream-request-id': 'req_up',
    });
    expect(attempts[0]).toMatchObject({ usage: { input: 9, output: 4 }, usage_source: 'provider' });
    expect(attempts[0]!.upstream_request_id).toBe('req_up');
    expect(attempts[0]!.first_byte_at).toBeGreaterThanOrEqual(attempts[0]!.started_at);
    const { body: sent, headers: sentHeaders } = upstream.of('ok').at(-1)!;
    expect(JSON.parse(sent)).toEqual({
      messages,
      model: 'up-model',
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(sentHeaders).toMatchObject({ authorization: `Bearer ${credential}`, 'accept-encoding': 'identity' });
    expect(Object.keys(sentHeaders)).not.toContain('x-modapi-attempt-id');
    expect(Object.keys(sentHeaders)).not.toContain('traceparent');
  });

  it('keeps the usage chunk for who asked', async () => {
    const { body } = await streamed('ok', { stream_options: { include_usage: true } });
    expect(eventsOf(body).at(-2)).toMatchObject({ choices: [], usage });
  });

  it('passes n, tools, vision and unknown fields on untouched, both ways', async () => {
    const reply = { ...answer, choices: [0, 1].map((index) => ({ ...answer.choices[0], index })), x_unknown: [1.5] };
    upstream.script('echo', answers(200, reply));
    const request = {
      n: 2,
      logprobs: true,
      x_new: { deep: [null, 1e3] },
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] }],
    };
    const { body } = await chat('echo', request);
    expect(body).toBe(JSON.stringify(reply).replace('"up-model"', '"echo"'));
    expect(upstream.of('echo')[0]!.body).toBe(
      JSON.stringify({
        messages: request.messages,
        model: 'up-model',
        n: 2,
        logprobs: true,
        x_new: request.x_new,
        tools: request.tools,
      }),
    );
  });

  it('streams tool calls', async () => {
    const call = { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] };
    const ends = chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }], usage });
    upstream.script('echo', streams([chunk(call), ends, 'data: [DONE]\n\n']));
    const events = eventsOf((await streamed('echo')).body);
    expect(events[0]).toMatchObject({ choices: [{ delta: call }] });
    // Usage beside a choice is an answer, and stays.
    expect(events[1]).toMatchObject({ usage });
  });

  it('tells its own sandbox which attempt it is', async () => {
    await streamed('sandbox/chat');
    const { headers } = upstream.of('sandbox')[0]!;
    expect(headers['x-modapi-attempt-id']).toMatch(/^req_\d+#1$/);
    expect(headers.authorization).toBeUndefined();
  });
});

describe('failover before the first content', () => {
  it.each(['down', 'broken', 'resets', 'hangs', 'html', 'unauthorized', 'nowhere', 'redirects'])(
    '%s: the next provider answers, and both attempts are reported',
    async (name) => {
      for (const stream of [true, false]) {
        const { status, body, attempts, trailer, notes } = await chat(`${name}-then-ok`, { stream });
        expect(status).toBe(200);
        expect(body).toContain('Hello');
        expect(trailer).toEqual({ attempts: 2, provider: 'ok', tokens: 13 });
        expect(notes).toHaveLength(2);
        expect(attempts.map(({ provider }) => provider)).toEqual([name, 'ok']);
        expect(attempts[0]).toMatchObject({ usage: {}, usage_source: 'none', content_delivered: false });
        expect(attempts[0]!.outcome).toBe(name === 'hangs' ? 'timeout' : 'upstream_error');
        expect(attempts.map(({ attempt_id: id }) => id.split('#')[1])).toEqual(['1', '2']);
      }
    },
  );

  it('limited: the next provider answers, and for the Retry-After it is the first', async () => {
    const { trailer, outcomes, attempts } = await chat('limited-then-ok');
    expect([trailer, outcomes]).toEqual([{ attempts: 2, provider: 'ok', tokens: 13 }, ['upstream_error', 'done']]);
    expect(attempts[0]!.upstream_status).toBe(429);
    expect((await chat('limited-then-ok')).trailer).toEqual({ attempts: 1, provider: 'ok', tokens: 13 });
  });

  it('skips a provider that cannot do what is asked, and refuses when none can', async () => {
    const { trailer, attempts } = await chat('picky-then-ok', { logprobs: true });
    expect([trailer, attempts.length]).toEqual([{ attempts: 1, provider: 'ok', tokens: 13 }, 1]);
    const { error, attempts: none } = await chat('picky', { logprobs: true });
    expect(error?.gateway).toMatchObject({ code: 'unsupported_parameter', param: 'logprobs' });
    expect(none).toEqual([]);
  });

  it('goes on counting where a vanished worker stopped', async () => {
    const { attempts, error } = await chat('down-then-ok', {}, { attemptsMade: 2 });
    expect(attempts.map(({ attempt_id: id }) => id.split('#')[1])).toEqual(['3']);
    expect(error?.gateway?.code).toBe('provider_unavailable');
  });

  it('does not ask again for an answer that broke half-way', async () => {
    upstream.script('reset-once', (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"choices":[');
      setTimeout(() => response.socket?.destroy(), 20);
    });
    expect((await chat('reset-once')).outcomes).toEqual(['upstream_error']);
  });

  it('asks once more when the only connection broke', async () => {
    let calls = 0;
    upstream.script('reset-once', (response, received) => {
      if (calls++ === 0) response.socket?.destroy();
      else answers(200, answer)(response, received);
    });
    expect((await chat('reset-once')).outcomes).toEqual(['upstream_error', 'done']);
  });
});

describe('what the caller hears when nobody answers', () => {
  const errorOf = async (model: string, rest = {}) => (await chat(model, rest)).error?.gateway;

  it('is 429 with Retry-After', async () => {
    expect(await errorOf('limited')).toMatchObject({ code: 'upstream_rate_limited', retryAfterSeconds: 3 });
  });

  it('is the upstream’s own refusal, with its status', async () => {
    upstream.script(
      'refuses',
      answers(422, { error: { message: 'bad temperature', type: 't', param: 'temperature', code: 'c' } }),
    );
    expect(await errorOf('refuses', { stream: true })).toMatchObject({
      status: 422,
      upstream: { message: 'bad temperature', type: 't', param: 'temperature', code: 'c' },
    });
    expect(upstream.of('refuses')).toHaveLength(1);
  });

  it('is that the model does not exist', async () => {
    upstream.script('missing', answers(404, { error: { message: 'The model `up-model` does not exist' } }));
    for (const model of ['missing', 'never-heard-of']) {
      const error = await errorOf(model);
      expect(error?.code).toBe('model_not_found');
      expect(error?.message).toContain(`\`${model}\` does not exist`);
    }
  });

  it('is never the upstream’s talk of our key', async () => {
    for (const model of ['unauthorized', 'broken']) {
      const error = await errorOf(model);
      expect(error?.code).toBe('upstream_error');
      expect(JSON.stringify(error)).not.toContain(credential);
    }
  });

  it('is a timeout, an unreachable provider, a missing price', async () => {
    expect((await errorOf('hangs'))?.code).toBe('upstream_timeout');
    expect((await errorOf('nowhere-then-ok', {}))?.code).toBeUndefined();
    expect((await errorOf('unpriced'))?.code).toBe('model_not_priced');
  });

  it('is an error for archives and redirects, which are never followed', async () => {
    upstream.script('zipped', answers(200, 'x', { 'content-encoding': 'gzip' }));
    expect((await errorOf('zipped'))?.code).toBe('upstream_error');
    const before = upstream.of('ok').length;
    expect((await errorOf('redirects'))?.code).toBe('upstream_error');
    expect(upstream.of('ok')).toHaveLength(before);
  });
});

describe('a stream that breaks after content', () => {
  const began = wholeStream.slice(0, 3);
  const brokenScripts: Record<string, Parameters<ScriptedUpstream['script']>[1]> = {
    truncated: streams(began),
    garbled: streams([...began, 'data: {"choices":[{"index\n\n', ...wholeStream.slice(3)]),
    'error-event': streams([...began, 'data: {"error":{"message":"boom"}}\n\n', 'data: [DONE]\n\n']),
    resets: async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const event of began) response.write(event);
      await new Promise((resolve) => setTimeout(resolve, 20));
      response.socket?.destroy();
    },
    stalls: (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const event of began) response.write(event);
    },
  };

  it.each([
    ['truncated', 'truncated', 'upstream_interrupted'],
    ['garbled', 'upstream_error', 'upstream_interrupted'],
    ['error-event', 'upstream_error', 'upstream_interrupted'],
    ['resets', 'truncated', 'upstream_interrupted'],
    ['stalls', 'timeout', 'upstream_timeout'],
  ])(
    '%s: an in-band error, no [DONE], no second provider, and the delivered part is counted',
    async (name, outcome, code) => {
      upstream.script(name, brokenScripts[name]!);
      const { status, body, attempts, error } = await streamed(name);
      const events = eventsOf(body);
      expect([status, error]).toEqual([200, undefined]);
      expect(events).toHaveLength(4);
      expect(events.at(-1)).toMatchObject({ error: { code, type: 'server_error', param: null } });
      expect(body).not.toContain('[DONE]');
      expect(attempts).toHaveLength(1);
      expect(attempts[0]).toMatchObject({ outcome, usage_source: 'counted', content_delivered: true });
      expect(attempts[0]!.usage.output).toBe(2);
      expect(attempts[0]!.usage.input).toBeGreaterThan(5);
      // The script of other tests.
      if (name === 'resets') upstream.script('resets', (response) => void response.socket?.destroy());
    },
  );
});

describe('usage that the provider does not report', () => {
  it('is counted', async () => {
    upstream.script('no-usage', streams([...wholeStream.slice(0, 4), 'data: [DONE]\n\n']));
    const { attempts } = await streamed('no-usage');
    expect(attempts[0]).toMatchObject({ outcome: 'done', usage_source: 'counted', usage: { output: 2 } });
    const { usage: _, ...silent } = answer;
    upstream.script('no-usage', answers(200, silent));
    expect((await chat('no-usage')).attempts[0]).toMatchObject({ usage_source: 'counted', usage: { output: 2 } });
  });

  it('is estimated where nobody can count', async () => {
    const image = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://images.test/a.png' } }] }];
    const { attempts } = await chat('no-usage', { messages: image });
    expect(attempts[0]!.usage_source).toBe('estimated');
    expect(attempts[0]!.usage.input).toBeGreaterThan(700);
  });
});

describe('a caller that goes away', () => {
  const endless: Parameters<ScriptedUpstream['script']>[1] = async (response, received) => {
    let open = true;
    void received.aborted.then(() => (open = false));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    while (open) {
      response.write(chunk({ content: ' word' }));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  async function cancelAfter(model: string, rest: Record<string, unknown>, bytes: number): Promise<number> {
    const requestId = worker.nextRequestId();
    const seen = Promise.withResolvers<void>();
    let received = 0;
    const handle = worker.bus.call(worker.outgoing({ messages, model, ...rest }, { requestId }), {
      onHead: () => undefined,
      onData: (data) => {
        received += data.length;
        handle.grant(data.length);
        if (received >= bytes) seen.resolve();
      },
      onEnd: () => undefined,
      onError: () => undefined,
    });
    if (bytes > 0) await seen.promise;
    else while (upstream.of(model).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const cancelledAt = performance.now();
    handle.cancel('client closed');
    const closedAt = await upstream.of(model).at(-1)!.aborted;
    while (worker.eventsOf(requestId).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    lastEvent = worker.eventsOf(requestId)[0]!;
    return closedAt - cancelledAt;
  }
  let lastEvent: TextWorker['events'][number];

  it('mid-stream: the upstream’s socket is closed at once, and what was delivered is counted', async () => {
    upstream.script('endless', endless);
    expect(await cancelAfter('endless', { stream: true }, 2000)).toBeLessThan(250);
    expect(lastEvent).toMatchObject({ outcome: 'client_abort', usage_source: 'counted', content_delivered: true });
    expect(lastEvent.usage.output).toBeGreaterThan(5);
  });

  it('before any content: nothing is charged', async () => {
    upstream.script('hangs', () => undefined);
    expect(await cancelAfter('hangs', {}, 0)).toBeLessThan(250);
    expect(lastEvent).toMatchObject({
      outcome: 'client_abort',
      usage: {},
      usage_source: 'none',
      upstream_status: null,
    });
  });

  it('is not mistaken for a provider’s failure', async () => {
    for (let count = 0; count < 6; count++) {
      upstream.script('hangs', () => undefined);
      await cancelAfter('hangs', {}, 0);
    }
    upstream.script('hangs', answers(200, answer));
    expect((await chat('hangs-then-ok')).trailer).toEqual({ attempts: 1, provider: 'hangs', tokens: 13 });
  });

  it('at the deadline: the attempt timed out', async () => {
    upstream.script('endless', endless);
    const requestId = worker.nextRequestId();
    const { error } = await worker.call({ messages, model: 'endless', stream: true }, { requestId, deadlineMs: 100 });
    expect(error?.reason).toBe('deadline');
    await upstream.of('endless')[0]!.aborted;
    while (worker.eventsOf(requestId).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(worker.eventsOf(requestId)[0]!.outcome).toBe('timeout');
  });
});

describe('a slow reader', () => {
  it('slows the provider’s socket instead of filling memory', async () => {
    const event = chunk({ content: 'x'.repeat(8000) });
    const total = 24 * 1024 * 1024;
    let written = 0;
    upstream.script('endless', async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (; written < total; written += event.length) {
        if (!response.write(event)) await new Promise((resolve) => response.once('drain', resolve));
      }
      response.end(`${chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}data: [DONE]\n\n`);
    });
    let received = 0;
    let owed = 0;
    let writtenAtStall = 0;
    const startedAt = performance.now();
    const { body, attempts, error } = await streamed(
      'endless',
      {},
      {
        onData: (data, handle) => {
          received += data.length;
          if (writtenAtStall > 0 || received < 50_000) return data.length;
          if (owed === 0) {
            // Longer than the idle timeout: a slow reader is not a silent provider.
            setTimeout(() => {
              writtenAtStall = written;
              handle.grant(owed);
            }, 900);
          }
          owed += data.length;
          return 0;
        },
      },
    );
    expect(error).toBeUndefined();
    expect(performance.now() - startedAt).toBeGreaterThan(800);
    // The window, and what kernel and sockets hold on both sides; far from all of it.
    expect(writtenAtStall).toBeLessThan(16 * 1024 * 1024);
    expect(owed).toBeLessThan(300 * 1024);
    expect(body.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(attempts[0]!.outcome).toBe('done');
  });
});

describe('a worker that stops', () => {
  it('tells streams that go on for too long, meters them, and closes the upstream', async () => {
    upstream.script('sandbox', async (response, received) => {
      let open = true;
      void received.aborted.then(() => (open = false));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      while (open) {
        response.write(chunk({ content: ' word' }));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    const stopping = await TextWorker.start({}, { MODAPI_SANDBOX_URL: `${url}/sandbox`, MODAPI_DRAIN_SECONDS: '1' });
    const requestId = stopping.nextRequestId();
    const reply = stopping.call({ model: 'sandbox/chat', messages, stream: true }, { requestId });
    while (upstream.of('sandbox').length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await stopping.stop();
    const { body, error } = await reply;
    expect(error).toBeUndefined();
    expect(eventsOf(body).at(-1)).toMatchObject({ error: { code: 'server_shutting_down' } });
    expect(body).not.toContain('[DONE]');
    await upstream.of('sandbox').at(-1)!.aborted;
    expect(stopping.eventsOf(requestId)[0]).toMatchObject({ outcome: 'shutdown', usage_source: 'counted' });
  });

  it('does not wait for an answer that only the provider still wants to give', async () => {
    let written = 0;
    upstream.script('picky', (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write(chunk({ content: ' word' })) && written++, 5);
      response.on('close', () => clearInterval(timer));
    });
    const providers = { groq: { baseUrl: `${url}/picky/v1`, apiKey: 'env:UPSTREAM_KEY', catalogModels: false } };
    const models = [{ id: 'billed', deployments: [{ provider: 'groq', model: 'up-model', price }] }];
    const stopping = await TextWorker.start(
      { providers, models },
      { UPSTREAM_KEY: credential, MODAPI_DRAIN_SECONDS: '1' },
    );
    const requestId = stopping.nextRequestId();
    const outgoing = stopping.outgoing({ model: 'billed', messages, stream: true }, { requestId });
    const gone = Promise.withResolvers<void>();
    const handle = stopping.bus.call(outgoing, {
      onHead: () => undefined,
      onData: () => {
        handle.cancel('gone');
        gone.resolve();
      },
      onEnd: () => undefined,
      onError: () => undefined,
    });
    await gone.promise;
    const writtenThen = written;
    const startedAt = performance.now();
    await stopping.stop();
    await upstream.of('picky').at(-1)!.aborted;
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    // It went on reading for the time that a stop allows.
    expect(stopping.eventsOf(requestId)[0]).toMatchObject({ outcome: 'client_abort', usage_source: 'counted' });
    expect(stopping.eventsOf(requestId)[0]!.usage.output).toBeGreaterThan(writtenThen + 20);
  });
});
