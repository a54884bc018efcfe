import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Inject } from '@nestjs/common';
import { embeddings, rerank, subjectOf } from '#libs/contracts';
import type { BodySource, IncomingCall } from '#libs/messaging';
import { headerText, type UpstreamRequest } from '#libs/providers';
import { Serves } from '#libs/runtime';
import { AnswerMemory } from './answer-memory.js';
import type { FlowReader, OpenAnswer } from './answer-reader.js';
import { namedInBandError } from './answer-sender.js';
import type { AttemptSource, EndpointWork } from './attempt.js';
import { InferenceWorker } from './inference-worker.js';
import { RelayAttempt } from './relay-attempt.js';
import { answers, type Script, ScriptedUpstream } from './testing/scripted-upstream.js';
import { type BenchCall, WorkerBench } from './testing/worker-bench.js';
import { workerApp } from './worker-app.js';
import { workerEnvironment } from './worker-environment.js';

const maxBytes = 1_000;

/** Audio has no word for an error, events have one, and anything else is read whole: an answer is a token. */
const open: OpenAnswer = (headers) => {
  const type = headerText(headers, 'content-type') ?? '';
  if (type.startsWith('application/json')) {
    return {
      kind: 'whole',
      maxBytes,
      read: (body) => {
        refuseStrange(body);
        return { kind: 'answer', body, contentType: 'application/json', usage: { input: 1 } };
      },
    };
  }
  return type.startsWith('text/event-stream') ? flow(type, true) : flow(type, false);
};

/** A reader that nobody wrote for this answer. */
function refuseStrange(bytes: Buffer): void {
  if (bytes.includes('strange')) throw new SyntaxError('not foreseen');
}

/** Complete when it has said so. */
function flow(contentType: string, speaks: boolean): FlowReader {
  let last = 0;
  return {
    kind: 'flow',
    contentType,
    usage: undefined,
    push(chunk) {
      refuseStrange(chunk);
      last = chunk.at(-1) ?? last;
      return { write: chunk, ...(last === 0x21 && { done: true }) };
    },
    finish: () => ({ complete: last === 0x21 }),
    ...(speaks && { errorBytes: (error) => namedInBandError(error, 'req') }),
  };
}

const work: EndpointWork = {
  endpoint: embeddings.id,
  title: 'embeddings',
  operation: 'embeddings',
  prepare: (source) =>
    new RelayAttempt(source, {
      request: (ownHeaders) => requestOf(source, ownHeaders),
      open,
      count: ({ bytes }) => ({ usage: { input: bytes }, source: 'counted' }),
    }),
};

function requestOf({ call, target }: AttemptSource, ownHeaders: readonly string[]): UpstreamRequest {
  const request = target.upstream.request(embeddings.id, call.body, ownHeaders);
  if (call.body.length > 0) return request;
  const headers = [...request.headers, 'content-length', String(call.bodyBytes)];
  return { ...request, headers, body: call.openBody() };
}

@Controller()
class Relaying {
  constructor(@Inject(InferenceWorker) private readonly worker: InferenceWorker) {}

  @Serves(subjectOf(embeddings))
  handle(call: IncomingCall): Promise<void> {
    return this.worker.run(call, work);
  }
}

@Controller()
class Unused {
  @Serves(subjectOf(rerank))
  handle(): Promise<void> {
    return Promise.reject(new Error('nobody calls it'));
  }
}

const upstream = new ScriptedUpstream();
const price = { input: '1' };
/** Room for one of the large answers below. */
const memory = new AnswerMemory(700, 100);
let bench: WorkerBench;
let start: (env?: Record<string, string>) => Promise<WorkerBench>;

beforeAll(async () => {
  const url = await upstream.listen();
  const provider = (name: string) => ({ preset: 'openai-compatible', baseUrl: `${url}/${name}/v1` });
  const served = (name: string) => ({ provider: name, model: 'up', price });
  const endpoints = [embeddings.id];
  const config = {
    providers: { first: provider('first'), second: provider('second') },
    models: [
      { id: 'one', endpoints, deployments: [served('first')] },
      { id: 'two', endpoints, deployments: [served('first'), served('second')] },
    ],
  };
  const app = workerApp({
    modality: 'embedding',
    env: workerEnvironment,
    handlers: [Relaying, Unused],
    providers: () => [{ provide: AnswerMemory, useValue: memory }],
  });
  start = (env) => WorkerBench.start(app, config, env);
});

// Anew each time: a provider that failed is not asked for a while.
beforeEach(async () => {
  bench = await start();
});

afterEach(async () => {
  await bench.stop();
  expect(memory.usedBytes).toBe(0);
});
afterAll(() => upstream.close());

async function ask(model: string, more: Partial<BenchCall> = {}, at = bench) {
  const requestId = at.nextRequestId();
  const reply = await at.call({ endpoint: embeddings, body: { model, input: 'hi' }, requestId, ...more });
  return { ...reply, events: () => at.eventsOf(requestId) };
}

/** Writes the pieces a turn apart, then ends, or breaks off. */
function streams(type: string, pieces: readonly string[], end: 'end' | 'destroy' | 'stay' = 'end'): Script {
  return async (response) => {
    response.writeHead(200, { 'content-type': type });
    for (const piece of pieces) {
      response.write(piece);
      await sleep(10);
    }
    if (end === 'end') response.end();
    if (end === 'destroy') response.destroy();
  };
}

const aborts = (name: string): Promise<number> => upstream.of(name).at(-1)!.aborted;

describe('a relayed answer', () => {
  it('is whole under its length, and tells what it costs', async () => {
    upstream.script('first', answers(200, { good: true }, { 'x-request-id': 'up-1' }));
    const reply = await ask('one');
    expect([reply.status, JSON.parse(reply.body)]).toEqual([200, { good: true }]);
    expect(reply.headers).toMatchObject({ 'x-modapi-provider': 'first', 'x-modapi-usage-source': 'provider' });
    expect(reply.events()).toMatchObject([
      { outcome: 'done', usage: { input: 1 }, usage_source: 'provider', upstream_request_id: 'up-1' },
    ]);
  });

  it('flows byte by byte, and is counted where nobody reports', async () => {
    upstream.script('first', streams('audio/mpeg', ['one ', 'two!']));
    let first = 0;
    const reply = await ask('one', { onData: (chunk) => ((first ||= chunk.length), chunk.length) });
    expect([first, reply.body, reply.headers['content-type']]).toEqual([4, 'one two!', 'audio/mpeg']);
    expect(reply.events()).toMatchObject([{ outcome: 'done', usage: { input: 8 }, usage_source: 'counted' }]);
  });

  it('is another provider’s before its first byte, and is charged once', async () => {
    upstream.script('first', answers(503, { error: { message: 'busy' } }));
    upstream.script('second', answers(200, { by: 'second' }));
    const reply = await ask('two');
    expect([reply.body, reply.headers['x-modapi-provider']]).toEqual(['{"by":"second"}', 'second']);
    expect(reply.events()).toMatchObject([
      { outcome: 'upstream_error', upstream_status: 503, usage: {}, usage_source: 'none' },
      { outcome: 'done', usage: { input: 1 } },
    ]);
  });

  it.each<[string, Script]>([
    ['an event stream without a byte', streams('text/event-stream', [])],
    ['more than may be gathered', answers(200, 'x'.repeat(maxBytes + 1))],
    ['packed bytes', answers(200, {}, { 'content-encoding': 'gzip' })],
    ['a broken connection', (response) => void response.destroy()],
  ])('is no answer: %s', async (_what, script) => {
    upstream.script('first', script);
    const reply = await ask('one');
    expect(reply.error?.gateway?.code).toMatch(/^upstream_|^provider_/);
    expect(reply.events().map(({ usage_source: source }) => source)).not.toContain('provider');
  });

  it.each<[string, Script]>([
    ['whole', answers(200, { strange: true })],
    ['in a stream', streams('text/event-stream', ['strange'])],
  ])('that its reader throws at is no answer, and nobody’s end: %s', async (_how, script) => {
    upstream.script('first', script);
    upstream.script('second', answers(200, { by: 'second' }));
    expect((await ask('two')).body).toBe('{"by":"second"}');
    upstream.script('first', streams('text/event-stream', ['data: 1\n\n', 'strange']));
    expect((await ask('one')).body).toContain('upstream_interrupted');
  });

  it('is the caller’s own mistake, which no other provider is asked about', async () => {
    upstream.script('first', answers(400, { error: { message: 'too long', param: 'input' } }));
    upstream.script('second', answers(200, {}));
    const reply = await ask('two');
    expect(reply.error?.gateway).toMatchObject({ message: expect.stringContaining('too long') });
    expect(upstream.of('second')).toEqual([]);
  });

  it.each<['end' | 'destroy']>([['end'], ['destroy']])('that breaks off (%s) says so in-band', async (end) => {
    upstream.script('first', streams('text/event-stream', ['data: 1\n\n'], end));
    upstream.script('second', answers(200, {}));
    const reply = await ask('two');
    expect(reply.body).toMatch(/^data: 1\n\nevent: error\ndata: \{"error":.*"upstream_interrupted"/);
    expect(upstream.of('second')).toEqual([]);
    expect(reply.events()).toMatchObject([{ outcome: 'truncated', content_delivered: true, usage: { input: 9 } }]);
  });

  it('that breaks off fails the call where its format has no word for that', async () => {
    upstream.script('first', streams('audio/mpeg', ['half'], 'destroy'));
    const reply = await ask('one');
    expect([reply.body, reply.error?.gateway?.code]).toEqual(['half', 'upstream_interrupted']);
    expect(reply.events()).toMatchObject([{ outcome: 'truncated', usage: { input: 4 } }]);
  });

  it('is read no faster than its caller takes it', async () => {
    const size = 32 * 1024 * 1024;
    let taken = 0;
    upstream.script('first', async (response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'audio/mpeg' });
      const piece = Buffer.alloc(64 * 1024);
      for (let sent = 0; sent < size; sent += piece.length) {
        if (!response.write(piece)) await new Promise((resolve) => response.once('drain', resolve));
        taken += piece.length;
      }
      response.end('!');
    });
    let isSlow = true;
    let takenAtRest = size;
    let owed = 0;
    const reply = await ask('one', {
      onData(chunk, handle) {
        owed += isSlow ? chunk.length : 0;
        if (isSlow && owed === chunk.length) {
          setTimeout(() => {
            takenAtRest = taken;
            isSlow = false;
            handle.grant(owed);
          }, 300);
        }
        return isSlow ? 0 : chunk.length;
      },
    });
    // What fits into the sockets and the window, and no more.
    expect(takenAtRest).toBeLessThan(size / 2);
    expect(taken).toBe(size);
    expect(reply.bytes.length).toBe(size + 1);
  });
});

describe('gathered answers', () => {
  const large = { data: 'x'.repeat(600) };

  it('share one memory: beyond it a call fails before content, asks nobody else, and leaves the others alone', async () => {
    const finish = Promise.withResolvers<void>();
    const half = JSON.stringify(large).slice(0, 500);
    upstream.script('first', async (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(half);
      await finish.promise;
      response.end(JSON.stringify(large).slice(500));
    });
    const first = ask('one');
    await until(() => memory.usedBytes === 400);
    upstream.script('first', answers(200, large));
    upstream.script('second', answers(200, {}));
    const refused = await ask('two');
    expect(refused.error?.gateway).toMatchObject({ code: 'overloaded', retryAfterSeconds: 2 });
    expect([refused.status, refused.body]).toEqual([undefined, '']);
    expect(refused.events()).toMatchObject([{ outcome: 'upstream_error', usage: {} }]);
    expect(upstream.of('second')).toEqual([]);
    expect(memory.usedBytes).toBe(400);
    // What is small needs none of it.
    upstream.script('first', answers(200, { small: 'x'.repeat(80) }));
    expect((await ask('one')).status).toBe(200);
    finish.resolve();
    expect(JSON.parse((await first).body)).toEqual(large);
    await until(() => memory.usedBytes === 0);
    upstream.script('first', answers(200, large));
    expect((await ask('one')).status).toBe(200);
  });

  it.each<['gone' | 'deadline' | 'destroy']>([['gone'], ['deadline'], ['destroy']])(
    'give their memory back when half of one came: %s',
    async (how) => {
      const pieces = [JSON.stringify(large).slice(0, 500)];
      upstream.script('first', streams('application/json', pieces, how === 'destroy' ? 'destroy' : 'stay'));
      let held = 0;
      const watch = setInterval(() => (held = Math.max(held, memory.usedBytes)), 1);
      await ask('one', {
        ...(how === 'deadline' && { deadlineMs: 200 }),
        ...(how === 'gone' && {
          onStart: (handle) => void until(() => memory.usedBytes > 0).then(() => handle.cancel('gone')),
        }),
      });
      await until(() => memory.usedBytes === 0);
      clearInterval(watch);
      if (how !== 'destroy') expect(held).toBe(400);
    },
  );

  it('of an attempt that failed make room for the next one', async () => {
    const strange = `{"strange":"${'x'.repeat(600)}"}`;
    upstream.script('first', answers(200, strange));
    upstream.script('second', answers(200, large));
    expect(JSON.parse((await ask('two')).body)).toEqual(large);
  });
});

describe('a relayed call that is given up', () => {
  it('closes the upstream’s connection when the caller leaves, and charges what was sent', async () => {
    upstream.script('first', streams('audio/mpeg', ['half'], 'stay'));
    const reply = await ask('one', { onData: (chunk, handle) => (handle.cancel('gone'), chunk.length) });
    await aborts('first');
    await until(() => reply.events().length > 0);
    expect(reply.events()).toMatchObject([{ outcome: 'client_abort', usage: { input: 4 } }]);
  });

  it('costs nothing before the first byte, and asks nobody else', async () => {
    upstream.script('first', () => undefined);
    upstream.script('second', answers(200, {}));
    const reply = await ask('two', {
      onStart: (handle) => void until(() => upstream.of('first').length > 0).then(() => handle.cancel('gone')),
    });
    await aborts('first');
    await until(() => reply.events().length > 0);
    expect(reply.events()).toMatchObject([{ outcome: 'client_abort', usage: {}, usage_source: 'none' }]);
    expect(upstream.of('second')).toEqual([]);
  });

  it('ends at its deadline', async () => {
    upstream.script('first', () => undefined);
    const reply = await ask('two', { deadlineMs: 200 });
    expect(reply.error?.reason).toBe('deadline');
    await aborts('first');
    await until(() => reply.events().length > 0);
    expect(reply.events()).toMatchObject([{ outcome: 'timeout' }]);
  });
});

describe('a worker that stops', () => {
  it.each([
    ['text/event-stream', /^data: 1\n\nevent: error\ndata: .*"server_shutting_down"/, undefined],
    ['audio/mpeg', /^data: 1\n\n$/, 'server_shutting_down'],
  ])('says so after content: %s', async (type, body, code) => {
    upstream.script('first', streams(type, ['data: 1\n\n'], 'stay'));
    const stopping = await start({ MODAPI_DRAIN_SECONDS: '1' });
    const reply = ask('two', {}, stopping);
    await until(() => upstream.of('first').length > 0);
    await stopping.stop();
    const { body: got, error, events } = await reply;
    expect([got, error?.gateway?.code]).toEqual([expect.stringMatching(body), code]);
    expect(events()).toMatchObject([{ outcome: 'shutdown', usage: { input: 9 } }]);
    await aborts('first');
  });

  it('says so to a caller whose body is still on its way, and blames no provider', async () => {
    const stopping = await start({ MODAPI_DRAIN_SECONDS: '1' });
    upstream.script('second', answers(200, {}));
    let reads = 0;
    const dripping: BodySource = {
      length: 100_000_000,
      async read(_position, maxBytes) {
        reads++;
        await sleep(20);
        return Buffer.alloc(Math.min(1_000, maxBytes));
      },
    };
    const reply = ask('two', { bodySource: dripping }, stopping);
    await until(() => reads > 5);
    await stopping.stop();
    const { error, events } = await reply;
    expect(error?.gateway?.code).toBe('server_shutting_down');
    expect(events()).toMatchObject([{ outcome: 'shutdown', provider: 'first', usage: {}, usage_source: 'none' }]);
    expect(events()).toHaveLength(1);
    expect(upstream.of('second')).toEqual([]);
    const readsThen = reads;
    await sleep(100);
    expect(reads - readsThen).toBeLessThanOrEqual(1);
  });
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(5);
}
