import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { embeddings } from '#libs/contracts';
import { answers, ScriptedUpstream } from '../../../libs/inference/src/testing/scripted-upstream.js';
import { type BenchCall, WorkerBench } from '../../../libs/inference/src/testing/worker-bench.js';
import { embeddingApp } from './embedding-app.js';
import { base64Of, vectorOf, vectorsAnswer } from './testing/vectors.js';

const upstream = new ScriptedUpstream();
let bench: WorkerBench;

interface Sent {
  readonly model: string;
  readonly input: string[];
  readonly [name: string]: unknown;
}
const sentTo = (name: string): Sent[] => upstream.of(name).map(({ body }) => JSON.parse(body) as Sent);

beforeAll(async () => {
  const url = await upstream.listen();
  const server = (name: string, preset = 'openai-compatible') => ({
    preset,
    baseUrl: `${url}/${name}/v1`,
    apiKey: 'env:UP_KEY',
  });
  const model = (id: string, ...providers: string[]) => ({
    id,
    deployments: providers.map((provider) => ({ provider, model: 'up-model', price: { input: '20000' } })),
  });
  bench = await WorkerBench.start(
    embeddingApp,
    {
      providers: {
        plain: server('plain'),
        spare: server('spare'),
        siliconflow: server('siliconflow', 'siliconflow'),
        voyage: server('voyage', 'voyage'),
        alibaba: server('alibaba', 'alibaba'),
      },
      models: [
        model('plain', 'plain'),
        model('two', 'plain', 'spare'),
        model('siliconflow', 'siliconflow'),
        model('voyage', 'voyage'),
        model('alibaba', 'alibaba'),
      ],
    },
    { UP_KEY: 'sk-up' },
  );
});

afterAll(async () => {
  await bench.stop();
  upstream.close();
});

/** OpenAI's OpenAPI document, `CreateEmbeddingResponse`. */
const createEmbeddingResponse = {
  type: 'object',
  required: ['object', 'model', 'data', 'usage'],
  properties: {
    object: { enum: ['list'] },
    model: { type: 'string' },
    data: {
      type: 'array',
      items: {
        type: 'object',
        required: ['index', 'object', 'embedding'],
        properties: {
          index: { type: 'integer' },
          object: { enum: ['embedding'] },
          embedding: { type: 'array', items: { type: 'number' } },
        },
      },
    },
    usage: {
      type: 'object',
      required: ['prompt_tokens', 'total_tokens'],
      properties: { prompt_tokens: { type: 'integer' }, total_tokens: { type: 'integer' } },
    },
  },
};

const embed = (body: BenchCall['body'], rest: Partial<BenchCall> = {}) =>
  bench.call({ endpoint: embeddings, facts: { inputs: 1 }, ...rest, ...(body !== undefined && { body }) });

describe('on the OpenAI wire', () => {
  it('changes nothing but the model, in the request and in the answer', async () => {
    const answer =
      '{\n  "object": "list",\n  "data": [{"object": "embedding", "index": 0, "embedding": [-0.0069292, 1e-7 , 0.10]}],\n  "model": "up-model",\n  "usage": {"prompt_tokens": 5, "total_tokens": 5}\n}\n';
    upstream.script('plain', answers(200, answer, { 'x-request-id': 'req_up' }));
    const requestId = bench.nextRequestId();
    const reply = await embed('{ "input" : "Grüße",\t"model": "plain", "user":"u" }', { requestId });
    expect(reply.status).toBe(200);
    expect(reply.body).toBe(answer.replace('"up-model"', '"plain"'));
    expect(upstream.of('plain')[0]?.body).toBe('{ "input" : "Grüße",\t"model": "up-model", "user":"u" }');
    expect(upstream.of('plain')[0]).toMatchObject({
      path: '/plain/v1/embeddings',
      headers: { authorization: 'Bearer sk-up' },
    });
    expect(bench.eventsOf(requestId)).toMatchObject([
      {
        endpoint: 'embeddings',
        outcome: 'done',
        usage: { input: 5 },
        usage_source: 'provider',
        upstream_model: 'up-model',
        upstream_request_id: 'req_up',
        content_delivered: true,
      },
    ]);
    // 5 tokens at $20,000 per million.
    expect(reply.headers['x-modapi-cost-nano-usd']).toBe('100000000');
  });

  it('answers as OpenAI’s schema says, even where the upstream does not', async () => {
    const valid = new Ajv({ strict: false }).compile(createEmbeddingResponse);
    for (const answer of [
      vectorsAnswer([vectorOf(1)]),
      { data: [{ object: 'embedding', index: 0, embedding: [1] }] },
    ]) {
      upstream.script('plain', answers(200, answer));
      const reply = await embed({ model: 'plain', input: 'a' });
      expect([valid(JSON.parse(reply.body)), valid.errors]).toEqual([true, null]);
    }
  });

  it.each([0, 500_000_000])(
    'counts what the upstream does not report, and says so in the answer (%d)',
    async (reported) => {
      upstream.script(
        'plain',
        answers(200, vectorsAnswer([vectorOf(1)], { usage: { prompt_tokens: reported, total_tokens: reported } })),
      );
      const requestId = bench.nextRequestId();
      const reply = await embed({ model: 'plain', input: 'Rivers carry water to the sea' }, { requestId });
      expect(bench.eventsOf(requestId)).toMatchObject([{ usage: { input: 7 }, usage_source: 'counted' }]);
      expect(JSON.parse(reply.body)).toMatchObject({ usage: { prompt_tokens: 7, total_tokens: 7 } });
    },
  );

  it('counts token arrays by their length', async () => {
    upstream.script('plain', answers(200, vectorsAnswer([vectorOf(0), vectorOf(1)], { usage: null })));
    const requestId = bench.nextRequestId();
    await embed({ model: 'plain', input: [[1, 2, 3], [4]] }, { requestId, facts: { inputs: 2, tokenArrays: true } });
    expect(bench.eventsOf(requestId)).toMatchObject([{ usage: { input: 4 }, usage_source: 'counted' }]);
  });

  it('makes base64 of floats where the upstream knows nothing else', async () => {
    upstream.script('alibaba', answers(200, vectorsAnswer([[0.1, -2.5]])));
    const reply = await embed({ model: 'alibaba', input: 'a', encoding_format: 'base64', user: 'u' });
    expect(JSON.parse(reply.body)).toMatchObject({ data: [{ embedding: base64Of([0.1, -2.5]) }], model: 'alibaba' });
    expect(sentTo('alibaba')).toEqual([{ model: 'up-model', input: 'a', user: 'u' }]);
  });

  it('makes floats of base64 where the upstream sends it all the same', async () => {
    const data = [{ object: 'embedding', index: 0, embedding: base64Of([0.5, -2.5]) }];
    upstream.script('plain', answers(200, { ...vectorsAnswer([]), data }));
    const reply = await embed({ model: 'plain', input: 'a', encoding_format: 'float' });
    expect(JSON.parse(reply.body)).toMatchObject({ data: [{ embedding: [0.5, -2.5] }] });
  });

  it('speaks as Voyage does: another name for dimensions, no `float`, a total only', async () => {
    upstream.script('voyage', answers(200, vectorsAnswer([vectorOf(1)], { usage: { total_tokens: 3 } })));
    const requestId = bench.nextRequestId();
    const body = { model: 'voyage', input: 'a', encoding_format: 'float', dimensions: 256, input_type: 'query' };
    const reply = await embed(body, { requestId });
    expect(sentTo('voyage')).toEqual([{ model: 'up-model', input: 'a', output_dimension: 256, input_type: 'query' }]);
    expect(JSON.parse(reply.body)).toMatchObject({ usage: { prompt_tokens: 3, total_tokens: 3 } });
    expect(bench.eventsOf(requestId)).toMatchObject([{ usage: { input: 3 }, usage_source: 'provider' }]);
  });

  it.each([
    ['500', answers(500, { error: { message: 'no' } })],
    ['429', answers(429, { error: { message: 'slow down' } })],
    ['too few vectors', answers(200, vectorsAnswer([vectorOf(1)]))],
    ['an error with status 200', answers(200, { error: { message: 'no', code: 500 } })],
    ['an answer that is cut', answers(200, '{"object":"list","data":[{"index":0,"embedding":[0.1,')],
    ['HTML', answers(200, '<html></html>')],
  ])('asks another provider after %s', async (_, script) => {
    upstream.script('plain', script);
    upstream.script('spare', answers(200, vectorsAnswer([vectorOf(1), vectorOf(2)])));
    const requestId = bench.nextRequestId();
    const reply = await embed({ model: 'two', input: ['a', 'b'] }, { requestId, facts: { inputs: 2 } });
    expect(reply.headers['x-modapi-provider']).toBe('spare');
    expect(JSON.parse(reply.body)).toMatchObject({ model: 'two' });
    expect(bench.eventsOf(requestId).map(({ outcome, usage }) => [outcome, usage])).toEqual([
      ['upstream_error', {}],
      ['done', { input: 7 }],
    ]);
  });

  it('passes on what the provider finds wrong with the request', async () => {
    const error = { message: 'too many tokens', type: 'invalid_request_error', param: 'input', code: null };
    upstream.script('plain', answers(400, { error }));
    const reply = await embed({ model: 'plain', input: 'a' });
    expect(reply.error?.gateway).toMatchObject({ code: 'upstream_rejected', status: 400, upstream: error });
  });

  it('ends the upstream call when the caller leaves', async () => {
    upstream.script('plain', () => undefined);
    const requestId = bench.nextRequestId();
    await embed(
      { model: 'plain', input: 'a' },
      {
        requestId,
        onStart: (handle) => void sleep(100).then(() => handle.cancel('client_abort')),
      },
    );
    await upstream.of('plain')[0]?.aborted;
    await sleep(50);
    expect(bench.eventsOf(requestId)).toMatchObject([{ outcome: 'client_abort', usage: {}, usage_source: 'none' }]);
  });

  it('takes an answer of 30 MB and leaves its numbers alone', async () => {
    const vector = Array.from({ length: 1536 }, (_, index) => Math.fround(Math.sin(index)));
    const text = JSON.stringify(vectorsAnswer(Array.from({ length: 1000 }, () => vector)));
    upstream.script('plain', answers(200, text));
    const reply = await embed(
      { model: 'plain', input: Array.from({ length: 1000 }, () => 'a') },
      { facts: { inputs: 1000 } },
    );
    expect(reply.bytes.equals(Buffer.from(text.replace('"up-model"', '"plain"')))).toBe(true);
  });
});

describe('above the upstream’s limit of inputs', () => {
  const inputs = Array.from({ length: 100 }, (_, index) => `text ${index}`);
  const request = { model: 'siliconflow', input: inputs, dimensions: 2 };
  const facts = { inputs: 100 };

  it('asks in several requests and joins them in order, with the usage summed', async () => {
    let open = 0;
    let most = 0;
    upstream.script('siliconflow', async (response, { body }) => {
      most = Math.max(most, ++open);
      const { input } = JSON.parse(body) as Sent;
      // The first ones answer last.
      await sleep(input[0] === 'text 0' ? 80 : 20);
      open--;
      const answer = vectorsAnswer(input.map((text) => vectorOf(Number(text.slice(5)))));
      answers(200, { ...answer, usage: { prompt_tokens: input.length, total_tokens: input.length } })(response);
    });
    const requestId = bench.nextRequestId();
    const reply = await embed(request, { requestId, facts });
    expect(JSON.parse(reply.body)).toEqual({
      object: 'list',
      data: inputs.map((_, index) => ({ object: 'embedding', index, embedding: vectorOf(index) })),
      model: 'siliconflow',
      usage: { prompt_tokens: 100, total_tokens: 100 },
    });
    expect(sentTo('siliconflow').map(({ input }) => input.length)).toEqual([32, 32, 32, 4]);
    expect(sentTo('siliconflow')[3]).toMatchObject({ model: 'up-model', dimensions: 2 });
    expect(most).toBe(4);
    expect(bench.eventsOf(requestId)).toMatchObject([
      { outcome: 'done', usage: { input: 100 }, usage_source: 'provider' },
    ]);
  });

  it('never asks for more than four at once', async () => {
    let open = 0;
    let most = 0;
    upstream.script('siliconflow', async (response, { body }) => {
      most = Math.max(most, ++open);
      await sleep(10);
      open--;
      answers(200, vectorsAnswer((JSON.parse(body) as Sent).input.map(() => vectorOf(1))))(response);
    });
    const input = Array.from({ length: 320 }, () => 'a');
    const reply = await embed({ ...request, input, encoding_format: 'base64' }, { facts: { inputs: 320 } });
    const { data } = JSON.parse(reply.body) as { data: { embedding: string; index: number }[] };
    expect([data.length, data[319]]).toEqual([
      320,
      expect.objectContaining({ index: 319, embedding: base64Of(vectorOf(1)) }),
    ]);
    expect([most, upstream.of('siliconflow').length]).toEqual([4, 10]);
  });

  it('is all or nothing: one failing part fails the attempt and ends the others', async () => {
    upstream.script('siliconflow', (response, received) => {
      const { input } = JSON.parse(received.body) as Sent;
      if (input[0] === 'text 32') answers(500, { error: { message: 'no' } })(response, received);
    });
    const requestId = bench.nextRequestId();
    const reply = await embed(request, { requestId, facts });
    expect(reply.status).toBeUndefined();
    expect(reply.error?.gateway?.code).toBe('upstream_error');
    await Promise.all(
      upstream
        .of('siliconflow')
        .filter(({ body }) => !body.includes('"text 32"'))
        .map(({ aborted }) => aborted),
    );
    expect(bench.eventsOf(requestId)).toMatchObject([{ outcome: 'upstream_error', upstream_status: 500, usage: {} }]);
  });

  it('ends all parts when the caller leaves', async () => {
    upstream.script('siliconflow', () => undefined);
    const requestId = bench.nextRequestId();
    await embed(request, {
      requestId,
      facts,
      onStart: (handle) => void sleep(150).then(() => handle.cancel('client_abort')),
    });
    expect(upstream.of('siliconflow').length).toBe(4);
    await Promise.all(upstream.of('siliconflow').map(({ aborted }) => aborted));
    await sleep(50);
    expect(bench.eventsOf(requestId)).toMatchObject([{ outcome: 'client_abort', usage: {} }]);
  });
});
