import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rerank } from '#libs/contracts';
import { answers, ScriptedUpstream } from '../../../libs/inference/src/testing/scripted-upstream.js';
import { WorkerBench } from '../../../libs/inference/src/testing/worker-bench.js';
import { embeddingApp } from './embedding-app.js';

const upstream = new ScriptedUpstream();
let bench: WorkerBench;

const bySearch = { searches: '0.002' };
const byToken = { input: '20000' };

beforeAll(async () => {
  const url = await upstream.listen();
  const server = (name: string, preset = name, rest = {}) => ({
    ...{ preset, baseUrl: `${url}/${name}`, apiKey: 'env:UP_KEY' },
    ...rest,
  });
  const model = (id: string, price: object, provider = id) => ({
    id,
    deployments: [{ provider, model: 'up-model', price }],
  });
  bench = await WorkerBench.start(
    embeddingApp,
    {
      providers: {
        jina: server('jina'),
        voyage: server('voyage'),
        cohere: server('cohere'),
        bedrock: server('bedrock', 'bedrock', { variables: { region: 'eu-central-1' } }),
      },
      models: [
        model('jina', byToken),
        model('voyage', byToken),
        model('cohere', bySearch),
        model('cohere-by-token', byToken, 'cohere'),
        model('bedrock', bySearch),
      ],
    },
    { UP_KEY: 'sk-up-secret' },
  );
});

afterAll(async () => {
  await bench.stop();
  upstream.close();
});

const documents = ['Berlin is the capital of Germany', 'Penguins swim'];
const ask = (body: Record<string, unknown>, requestId = bench.nextRequestId()) =>
  bench.call({
    endpoint: rerank,
    body: { query: 'capital of Germany', documents, ...body },
    facts: { documents: 2 },
    requestId,
  });
const received = (name: string) =>
  upstream.of(name).map(({ path, body }) => ({ path, body: JSON.parse(body) as unknown }));

describe('rerank on Jina’s wire', () => {
  const answer = {
    ...{ model: 'up-model', object: 'list', usage: { total_tokens: 21 } },
    results: [
      { index: 0, relevance_score: 0.9, document: { text: documents[0] } },
      { index: 1, relevance_score: 0.1, document: { text: documents[1] } },
    ],
  };

  it('passes the request on and answers with the public id', async () => {
    upstream.script('jina', answers(200, answer));
    const requestId = bench.nextRequestId();
    const reply = await ask({ model: 'jina', top_n: 2 }, requestId);
    expect(received('jina')).toEqual([
      { path: '/jina/rerank', body: { query: 'capital of Germany', documents, model: 'up-model', top_n: 2 } },
    ]);
    expect(JSON.parse(reply.body)).toEqual({
      ...{ id: expect.stringMatching(/^rerank-/), object: 'list', model: 'jina', results: answer.results },
      usage: { prompt_tokens: 21, total_tokens: 21 },
    });
    expect(bench.eventsOf(requestId)).toMatchObject([
      { endpoint: 'rerank', outcome: 'done', usage: { input: 21 }, usage_source: 'provider' },
    ]);
  });

  it('leaves documents out, or puts them in, as asked', async () => {
    upstream.script('jina', answers(200, answer));
    const without = JSON.parse((await ask({ model: 'jina', return_documents: false })).body) as typeof answer;
    expect(without.results).toEqual([
      { index: 0, relevance_score: 0.9 },
      { index: 1, relevance_score: 0.1 },
    ]);
    upstream.script('jina', answers(200, { ...answer, results: [{ index: 1, relevance_score: 0.4 }] }));
    const shown = JSON.parse((await ask({ model: 'jina', return_documents: true })).body) as typeof answer;
    expect(shown.results).toEqual([{ index: 1, relevance_score: 0.4, document: { text: documents[1] } }]);
  });

  it('refuses a rank of a document that nobody sent', async () => {
    upstream.script('jina', answers(200, { ...answer, results: [{ index: 7, relevance_score: 0.4 }] }));
    expect((await ask({ model: 'jina' })).error?.gateway?.code).toBe('upstream_error');
  });

  it('counts the query once for every document where nothing is reported', async () => {
    upstream.script('jina', answers(200, { ...answer, usage: undefined }));
    const requestId = bench.nextRequestId();
    await ask({ model: 'jina' }, requestId);
    // 3 tokens of the query twice, 6 and 3 of the documents.
    expect(bench.eventsOf(requestId)).toMatchObject([{ usage: { input: 15 }, usage_source: 'counted' }]);
  });
});

describe('rerank of Voyage', () => {
  it('has `top_k`, texts only, and its answer under `data`', async () => {
    const data = [{ index: 1, relevance_score: 0.7, document: 'Penguins swim' }];
    upstream.script('voyage', answers(200, { object: 'list', data, model: 'up-model', usage: { total_tokens: 9 } }));
    const reply = await ask({ model: 'voyage', top_n: 1, documents: [documents[0], { text: documents[1] }] });
    expect(received('voyage')).toEqual([
      { path: '/voyage/rerank', body: { query: 'capital of Germany', documents, model: 'up-model', top_k: 1 } },
    ]);
    expect(JSON.parse(reply.body)).toMatchObject({
      model: 'voyage',
      results: [{ index: 1, relevance_score: 0.7, document: { text: 'Penguins swim' } }],
    });
  });
});

describe('rerank of Cohere', () => {
  const answer = {
    id: 'abc',
    results: [
      { index: 0, relevance_score: 0.98 },
      { index: 1, relevance_score: 0.02 },
    ],
    meta: { api_version: { version: '2' }, billed_units: { search_units: 1 } },
  };

  it('speaks its own protocol and is charged by searches', async () => {
    upstream.script('cohere', answers(200, answer));
    const requestId = bench.nextRequestId();
    const reply = await ask({ model: 'cohere', top_n: 2, return_documents: true }, requestId);
    expect(upstream.of('cohere')[0]).toMatchObject({
      path: '/cohere/v2/rerank',
      headers: { authorization: 'Bearer sk-up-secret' },
    });
    expect(received('cohere')[0]?.body).toEqual({
      model: 'up-model',
      query: 'capital of Germany',
      documents,
      top_n: 2,
    });
    expect(JSON.parse(reply.body)).toMatchObject({
      model: 'cohere',
      results: [
        { index: 0, relevance_score: 0.98, document: { text: documents[0] } },
        { index: 1, relevance_score: 0.02, document: { text: documents[1] } },
      ],
      meta: { billed_units: { search_units: 1 } },
    });
    expect(bench.eventsOf(requestId)).toMatchObject([
      { outcome: 'done', usage: { searches: 1 }, usage_source: 'provider', upstream_status: 200 },
    ]);
    expect(reply.headers['x-modapi-cost-nano-usd']).toBe('2000000');
  });

  it('is charged by tokens where that is the price', async () => {
    upstream.script('cohere', answers(200, answer));
    const requestId = bench.nextRequestId();
    await ask({ model: 'cohere-by-token' }, requestId);
    expect(bench.eventsOf(requestId)).toMatchObject([{ usage: { input: 15 }, usage_source: 'counted' }]);
  });

  it.each([
    [429, { message: 'slow down' }, 'upstream_rate_limited'],
    [401, { message: 'invalid api token sk-up-secret' }, 'upstream_error'],
    [500, { message: 'oh no' }, 'upstream_error'],
    [200, { hello: 'world' }, 'upstream_error'],
    [400, { message: 'invalid request: too many documents' }, 'upstream_rejected'],
  ])('maps %d', async (status, body, code) => {
    upstream.script('cohere', answers(status, body));
    const requestId = bench.nextRequestId();
    const { error } = await ask({ model: 'cohere' }, requestId);
    expect(error?.gateway?.code).toBe(code);
    expect(JSON.stringify(error?.gateway)).not.toContain('sk-up-secret');
    expect(bench.eventsOf(requestId)).toMatchObject([
      { outcome: 'upstream_error', usage: {}, upstream_status: status },
    ]);
  });

  it('refuses what its protocol has no word for', async () => {
    upstream.script('cohere', answers(200, answer));
    const { error } = await ask({ model: 'cohere', truncation: true });
    expect(error?.gateway).toMatchObject({ code: 'unsupported_parameter', param: 'truncation' });
    expect(upstream.of('cohere')).toEqual([]);
  });
});

describe('rerank of Bedrock', () => {
  it('goes to its own service, and the searches are counted', async () => {
    const results = [
      { index: 1, relevanceScore: 0.6 },
      { index: 0, relevanceScore: 0.2 },
    ];
    upstream.script('bedrock', answers(200, { results }));
    const requestId = bench.nextRequestId();
    const reply = await ask({ model: 'bedrock' }, requestId);
    expect(upstream.of('bedrock')[0]).toMatchObject({
      path: '/bedrock/rerank',
      headers: {
        authorization: 'Bearer sk-up-secret',
        'x-forwarded-host': 'bedrock-agent-runtime.eu-central-1.amazonaws.com',
      },
    });
    expect(received('bedrock')[0]?.body).toMatchObject({
      queries: [{ type: 'TEXT', textQuery: { text: 'capital of Germany' } }],
      rerankingConfiguration: {
        bedrockRerankingConfiguration: {
          modelConfiguration: { modelArn: 'arn:aws:bedrock:eu-central-1::foundation-model/up-model' },
          numberOfResults: 2,
        },
      },
    });
    expect(JSON.parse(reply.body)).toMatchObject({ results: [{ index: 1, relevance_score: 0.6 }, { index: 0 }] });
    expect(bench.eventsOf(requestId)).toMatchObject([{ usage: { searches: 1 }, usage_source: 'counted' }]);
  });
});
