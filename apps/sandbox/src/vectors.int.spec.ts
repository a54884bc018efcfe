import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { type RunningSandbox, startSandbox } from './start-sandbox.js';

let sandbox: RunningSandbox;
let client: OpenAI;

beforeAll(async () => {
  sandbox = await startSandbox();
  client = new OpenAI({ apiKey: 'none', baseURL: `${sandbox.url}/v1`, maxRetries: 0 });
});

afterAll(async () => {
  await sandbox.close();
});

const post = (path: string, body: object): Promise<Response> =>
  fetch(sandbox.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

const cosine = (one: number[] = [], other: number[] = []): number =>
  one.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0);

describe('POST /v1/embeddings', () => {
  it.each([
    ['sandbox/embedding', 1536],
    ['embedding-large', 3072],
    ['embedding-small', 384],
  ])('has vectors of %s that the official client reads, near where texts are alike', async (model, dimensions) => {
    const input = [
      'How do I reset my password?',
      'I forgot my password: how to reset it?',
      'Penguins like cold water.',
    ];
    const { data, usage, object } = await client.embeddings.create({ model, input });
    const [question, paraphrase, other] = data.map(({ embedding }) => embedding);
    expect([object, data.map(({ index }) => index), question?.length]).toEqual(['list', [0, 1, 2], dimensions]);
    expect(cosine(question, paraphrase)).toBeGreaterThan(cosine(question, other) + 0.2);
    expect(cosine(question, question)).toBeCloseTo(1, 5);
    expect(usage).toEqual({ prompt_tokens: 23, total_tokens: 23 });
  });

  it('sends the same numbers as floats and as base64, and fewer dimensions of length 1', async () => {
    const ask = { model: 'embedding', input: 'Rivers', dimensions: 256 };
    const floats = await client.embeddings.create({ ...ask, encoding_format: 'float' });
    const base64 = await client.embeddings.create(ask);
    const [one, other] = [floats.data[0]?.embedding, base64.data[0]?.embedding];
    expect(one?.length).toBe(256);
    expect(cosine(one, one)).toBeCloseTo(1, 5);
    expect(one?.map(Math.fround)).toEqual([...(other ?? [])].map(Math.fround));
  });

  it('takes the ids of tokens for the text that they are', async () => {
    const { encode } = await import('gpt-tokenizer/encoding/o200k_base');
    const text = 'Rivers carry water to the sea';
    const ask = { model: 'embedding', encoding_format: 'float' } as const;
    const [asText, asTokens] = [
      await client.embeddings.create({ ...ask, input: text }),
      await client.embeddings.create({ ...ask, input: encode(text) }),
    ];
    expect(asTokens).toEqual(asText);
  });

  it.each([
    [{ input: [] }, 'input'],
    [{ input: ['a', ''] }, 'input'],
    [{ input: 'a', dimensions: 1537 }, 'dimensions'],
    [{ input: 'a', encoding_format: 'hex' }, 'encoding_format'],
    [{ input: 'a', model: 'gpt-4o' }, 'model'],
    [{ input: 'a', model: 'sandbox/rerank' }, 'model'],
  ])('refuses %j', async (body, param) => {
    const response = await post('/v1/embeddings', { model: 'embedding', ...body });
    expect(response.status).toBe(param === 'model' ? 404 : 400);
    expect(await response.json()).toMatchObject({ error: { param } });
  });

  it('has the faults of chat', async () => {
    const ask = (model: string) => post('/v1/embeddings', { model, input: 'a' });
    expect((await ask('sandbox/error-429')).headers.get('retry-after')).toBe('1');
    expect((await ask('sandbox/error-500')).status).toBe(500);
    await expect(ask('sandbox/reset').then((response) => response.text())).rejects.toThrow();
    expect(await (await ask('sandbox/no-usage')).json()).not.toHaveProperty('usage');
    await expect(ask('sandbox/truncate').then((response) => response.json())).rejects.toThrow();
  });
});

describe('POST /v1/rerank', () => {
  const documents = [
    'Penguins are birds that cannot fly.',
    'To reset your password, open the settings and choose "reset password".',
    'The train to Berlin leaves at nine.',
  ];

  it('puts the document that answers the query first', async () => {
    const response = await post('/v1/rerank', {
      ...{ model: 'sandbox/rerank', query: 'How can I reset my password?', documents },
      ...{ top_n: 2, return_documents: true },
    });
    const { results, ...rest } = (await response.json()) as { results: { index: number; relevance_score: number }[] };
    expect(results[0]).toMatchObject({ index: 1, document: { text: documents[1] } });
    expect(results.length).toBe(2);
    expect(results[0]?.relevance_score).toBeGreaterThan((results[1]?.relevance_score ?? 1) + 0.2);
    expect(rest).toMatchObject({ model: 'sandbox/rerank', meta: { billed_units: { search_units: 1 } } });
  });

  it('refuses documents that are none', async () => {
    const response = await post('/v1/rerank', { model: 'rerank', query: 'a', documents: [1] });
    expect([response.status, await response.json()]).toMatchObject([400, { error: { param: 'documents' } }]);
  });
});

it('lists its vector models', async () => {
  const ids = (await client.models.list()).data.map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining(['sandbox/embedding', 'sandbox/rerank']));
  expect((await client.models.retrieve('sandbox/embedding-small')).id).toBe('sandbox/embedding-small');
});
