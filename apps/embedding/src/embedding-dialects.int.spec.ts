import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { embeddings } from '#libs/contracts';
import { answers, ScriptedUpstream } from '../../../libs/inference/src/testing/scripted-upstream.js';
import { WorkerBench } from '../../../libs/inference/src/testing/worker-bench.js';
import { embeddingApp } from './embedding-app.js';
import { base64Of, vectorOf } from './testing/vectors.js';

const upstream = new ScriptedUpstream();
let bench: WorkerBench;
const secret = 'AIza-not-a-real-key-at-all';

/** What the vendors' packages would read if they were not told: none of it may be seen upstream. */
const traps = [
  'GOOGLE_GENERATIVE_AI_API_KEY',
  'GOOGLE_VERTEX_API_KEY',
  'AWS_BEARER_TOKEN_BEDROCK',
  'COHERE_API_KEY',
  'AWS_ENDPOINT_URL',
  'AWS_REGION',
];

beforeAll(async () => {
  const url = await upstream.listen();
  for (const name of traps) process.env[name] = name.includes('URL') ? 'http://127.0.0.1:9' : 'from-the-environment';
  const server = (preset: string, rest: object = {}) => ({
    ...{ preset, baseUrl: `${url}/${preset}`, apiKey: 'env:UP_KEY' },
    ...rest,
  });
  const model = (provider: string, name: string) => ({
    id: name,
    deployments: [{ provider, model: name, price: { input: '0.1' } }],
  });
  bench = await WorkerBench.start(
    embeddingApp,
    {
      providers: {
        google: server('google'),
        express: server('google-vertex'),
        vertex: server('google-vertex', { variables: { project: 'my-project', location: 'europe-west4' } }),
        bedrock: server('bedrock', { variables: { region: 'us-west-2' } }),
        cohere: server('cohere'),
      },
      models: [
        model('google', 'gemini-embedding-001'),
        model('express', 'text-embedding-005'),
        model('vertex', 'text-multilingual-embedding-002'),
        model('bedrock', 'amazon.titan-embed-text-v2:0'),
        model('bedrock', 'cohere.embed-multilingual-v3'),
        model('bedrock', 'amazon.nova-2-multimodal-embeddings-v1:0'),
        model('cohere', 'embed-v4.0'),
      ],
    },
    { UP_KEY: secret },
  );
});

afterEach(() => {
  const seen = [
    ...upstream.of('google'),
    ...upstream.of('google-vertex'),
    ...upstream.of('bedrock'),
    ...upstream.of('cohere'),
  ];
  expect(JSON.stringify(seen.map(({ headers, path }) => [headers, path]))).not.toContain('from-the-environment');
});

afterAll(async () => {
  for (const name of traps) delete process.env[name];
  await bench.stop();
  upstream.close();
});

const embed = (body: Record<string, unknown>, requestId = bench.nextRequestId()) =>
  bench.call({ endpoint: embeddings, body, facts: {}, requestId });
const bodies = (name: string) => upstream.of(name).map(({ body }) => JSON.parse(body) as Record<string, unknown>);
const texts = (count: number) => Array.from({ length: count }, (_, index) => `text ${index}`);
const place = (text: unknown) => vectorOf(Number(String(text).slice(5)));

interface Answer {
  readonly data: readonly { readonly index: number; readonly embedding: unknown }[];
}

describe('google', () => {
  it('asks for a hundred texts at once and joins them in order; tokens are counted', async () => {
    upstream.script('google', (response, received) => {
      const { requests, content } = JSON.parse(received.body) as {
        requests?: { content: { parts: { text: string }[] } }[];
        content?: { parts: { text: string }[] };
      };
      const values = (requests ?? []).map(({ content: { parts } }) => ({ values: place(parts[0]?.text) }));
      const answer = content ? { embedding: { values: place(content.parts[0]?.text) } } : { embeddings: values };
      answers(200, answer)(response, received);
    });
    const requestId = bench.nextRequestId();
    const input = texts(201);
    const reply = await embed(
      { model: 'gemini-embedding-001', input, dimensions: 2, input_type: 'search_query' },
      requestId,
    );
    const { data } = JSON.parse(reply.body) as Answer;
    expect(data).toEqual(input.map((text, index) => ({ object: 'embedding', index, embedding: place(text) })));
    expect(
      upstream
        .of('google')
        .map(({ path }) => path)
        .toSorted(),
    ).toEqual([
      '/google/v1beta/models/gemini-embedding-001:batchEmbedContents',
      '/google/v1beta/models/gemini-embedding-001:batchEmbedContents',
      '/google/v1beta/models/gemini-embedding-001:embedContent',
    ]);
    expect(upstream.of('google')[0]?.headers['x-goog-api-key']).toBe(secret);
    expect(bodies('google').find((body) => body['content'])).toMatchObject({
      outputDimensionality: 2,
      taskType: 'RETRIEVAL_QUERY',
    });
    expect(bench.eventsOf(requestId)).toMatchObject([
      { outcome: 'done', usage_source: 'counted', upstream_status: 200 },
    ]);
    expect(bench.eventsOf(requestId)[0]?.usage.input).toBeGreaterThan(400);
  });

  it('refuses token ids and what it has no word for, and asks nobody', async () => {
    upstream.script('google', answers(200, {}));
    const tokens = await embed({ model: 'gemini-embedding-001', input: [[1, 2]] });
    expect(tokens.error?.gateway).toMatchObject({ code: 'unsupported_parameter', param: 'input' });
    const other = await embed({ model: 'gemini-embedding-001', input: 'a', truncate: 'END' });
    expect(other.error?.gateway).toMatchObject({ code: 'unsupported_parameter', param: 'truncate' });
    const type = await embed({ model: 'gemini-embedding-001', input: 'a', input_type: 'poetry' });
    expect(type.error?.gateway).toMatchObject({ code: 'invalid_value', param: 'input_type' });
    expect(upstream.of('google')).toEqual([]);
  });

  it.each([
    [429, 'upstream_rate_limited'],
    [401, 'upstream_error'],
    [500, 'upstream_error'],
    [400, 'upstream_rejected'],
  ])('maps %d', async (status, code) => {
    const message = `API key not valid: ${secret}`;
    upstream.script('google', answers(status, { error: { code: status, message, status: 'SOME' } }));
    const { error } = await embed({ model: 'gemini-embedding-001', input: 'a' });
    expect(error?.gateway?.code).toBe(code);
    expect(JSON.stringify(error?.gateway)).not.toContain(secret);
  });
});

describe('google-vertex', () => {
  const prediction = (text: unknown) => ({ embeddings: { values: place(text), statistics: { token_count: 3 } } });
  const script = () =>
    upstream.script('google-vertex', (response, received) => {
      const { instances } = JSON.parse(received.body) as { instances: { content: string }[] };
      answers(200, { predictions: instances.map(({ content }) => prediction(content)) })(response, received);
    });

  it('uses an access token where a project is named', async () => {
    script();
    const requestId = bench.nextRequestId();
    const model = 'text-multilingual-embedding-002';
    const reply = await embed({ model, input: texts(2), encoding_format: 'base64' }, requestId);
    const [received] = upstream.of('google-vertex');
    expect(received).toMatchObject({
      path: `/google-vertex/v1beta1/projects/my-project/locations/europe-west4/publishers/google/models/${model}:predict`,
      headers: { authorization: `Bearer ${secret}`, 'x-forwarded-host': 'europe-west4-aiplatform.googleapis.com' },
    });
    expect(received?.headers['x-goog-api-key']).toBeUndefined();
    expect(bodies('google-vertex')[0]?.['parameters']).toEqual({ autoTruncate: false });
    expect((JSON.parse(reply.body) as Answer).data[1]?.embedding).toBe(base64Of(vectorOf(1)));
    expect(bench.eventsOf(requestId)).toMatchObject([{ usage: { input: 6 }, usage_source: 'provider' }]);
  });

  it('uses an API key where none is', async () => {
    script();
    const reply = await embed({ model: 'text-embedding-005', input: 'text 1' });
    expect(reply.status).toBe(200);
    expect(upstream.of('google-vertex')[0]).toMatchObject({
      path: '/google-vertex/v1/publishers/google/models/text-embedding-005:predict',
      headers: { 'x-goog-api-key': secret },
    });
  });
});

describe('bedrock', () => {
  it('asks Titan for each text alone, four at once', async () => {
    let open = 0;
    let most = 0;
    upstream.script('bedrock', async (response, received) => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 20));
      open--;
      const { inputText } = JSON.parse(received.body) as { inputText: string };
      answers(200, { embedding: place(inputText), inputTextTokenCount: 4 })(response, received);
    });
    const requestId = bench.nextRequestId();
    const reply = await embed({ model: 'amazon.titan-embed-text-v2:0', input: texts(9), dimensions: 256 }, requestId);
    expect((JSON.parse(reply.body) as Answer).data.map(({ embedding }) => embedding)).toEqual(texts(9).map(place));
    expect(most).toBe(4);
    expect(upstream.of('bedrock')[0]).toMatchObject({
      path: '/bedrock/model/amazon.titan-embed-text-v2%3A0/invoke',
      headers: {
        authorization: `Bearer ${secret}`,
        'x-forwarded-host': 'bedrock-runtime.us-west-2.amazonaws.com',
      },
    });
    expect(bodies('bedrock')[0]).toMatchObject({ dimensions: 256 });
    expect(bench.eventsOf(requestId)).toMatchObject([{ usage: { input: 36 }, usage_source: 'provider' }]);
  });

  it('speaks Cohere’s words, whose tokens come in a header', async () => {
    upstream.script(
      'bedrock',
      answers(200, { embeddings: [vectorOf(0), vectorOf(1)] }, { 'x-amzn-bedrock-input-token-count': '8' }),
    );
    const requestId = bench.nextRequestId();
    const reply = await embed({ model: 'cohere.embed-multilingual-v3', input: texts(2) }, requestId);
    expect(bodies('bedrock')).toEqual([{ input_type: 'search_document', texts: texts(2), truncate: 'NONE' }]);
    expect((JSON.parse(reply.body) as Answer).data.length).toBe(2);
    expect(bench.eventsOf(requestId)).toMatchObject([{ usage: { input: 8 }, usage_source: 'provider' }]);
  });

  it('refuses sizes that a model does not have', async () => {
    upstream.script('bedrock', answers(200, {}));
    const titan = await embed({ model: 'amazon.titan-embed-text-v2:0', input: 'a', dimensions: 300 });
    expect(titan.error?.gateway).toMatchObject({ code: 'invalid_value', param: 'dimensions' });
    const old = await embed({ model: 'cohere.embed-multilingual-v3', input: 'a', dimensions: 256 });
    expect(old.error?.gateway).toMatchObject({ code: 'unsupported_parameter', param: 'dimensions' });
    expect(upstream.of('bedrock')).toEqual([]);
  });

  it('fails as a whole when one text fails', async () => {
    upstream.script('bedrock', (response, received) => {
      if (received.body.includes('text 5')) answers(500, { message: 'no' })(response, received);
      else answers(200, { embedding: [1], inputTextTokenCount: 4 })(response, received);
    });
    const requestId = bench.nextRequestId();
    const { error } = await embed({ model: 'amazon.titan-embed-text-v2:0', input: texts(20) }, requestId);
    expect(error?.gateway?.code).toBe('upstream_error');
    expect(bench.eventsOf(requestId)).toMatchObject([{ outcome: 'upstream_error', usage: {} }]);
    expect(upstream.of('bedrock').length).toBeLessThan(20);
  });
});

describe('cohere', () => {
  it('is a passthrough where its OpenAI endpoint has all that is asked for', async () => {
    const data = [{ object: 'embedding', index: 0, embedding: [0.25] }];
    upstream.script(
      'cohere',
      answers(200, { object: 'list', data, model: 'embed-v4.0', usage: { prompt_tokens: 1, total_tokens: 1 } }),
    );
    const reply = await embed({ model: 'embed-v4.0', input: 'a' });
    expect(upstream.of('cohere')[0]?.path).toBe('/cohere/embeddings');
    expect((JSON.parse(reply.body) as Answer).data).toEqual(data);
  });

  it('speaks its own protocol for dimensions', async () => {
    upstream.script('cohere', (response, received) => {
      const values = (JSON.parse(received.body) as { texts: string[] }).texts.map(place);
      const meta = { billed_units: { input_tokens: values.length } };
      answers(200, { id: '1', embeddings: { float: values }, meta })(response, received);
    });
    const requestId = bench.nextRequestId();
    const reply = await embed({ model: 'embed-v4.0', input: texts(100), dimensions: 256 }, requestId);
    expect((JSON.parse(reply.body) as Answer).data.map(({ embedding }) => embedding)).toEqual(texts(100).map(place));
    expect(upstream.of('cohere').map(({ path }) => path)).toEqual(['/cohere/v2/embed', '/cohere/v2/embed']);
    expect(bodies('cohere')[0]).toMatchObject({
      output_dimension: 256,
      input_type: 'search_document',
      truncate: 'NONE',
    });
    expect(bench.eventsOf(requestId)).toMatchObject([{ usage: { input: 100 }, usage_source: 'provider' }]);
  });
});
