import { expect, it } from '@jest/globals';
import { floatsOf } from './checked-answers.js';
import type { MediaSession } from './media-session.js';

const model = 'sandbox/embedding';
const texts = ['A cat sleeps on the sofa.', 'A cat is sleeping on a couch.', 'Interest rates rose in March.'];

interface RerankAnswer {
  readonly object: string;
  readonly model: string;
  readonly results: readonly { index: number; relevance_score: number; document?: { text: string } }[];
}

function nearness(one: readonly number[], other: readonly number[]): number {
  return one.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0);
}

/** `client.embeddings`, and `/v1/rerank`, which OpenAI's package has no method for. */
export function itEmbeds(session: MediaSession): void {
  it('embeds texts so that similar ones are nearer, whatever the encoding', async () => {
    const { client } = session;
    const answer = await client.embeddings.create({ model, input: texts, encoding_format: 'float' });
    expect(answer).toMatchObject({ object: 'list', model });
    expect(answer.data.map(({ index }) => index)).toEqual([0, 1, 2]);
    const [cat, couch, rates] = answer.data.map(({ embedding }) => embedding) as [number[], number[], number[]];
    expect(cat).toHaveLength(1_536);
    expect(nearness(cat, cat)).toBeCloseTo(1, 4);
    expect(nearness(cat, couch)).toBeGreaterThan(2 * nearness(cat, rates));
    expect(answer.usage.prompt_tokens).toBe(answer.usage.total_tokens);
    expect(answer.usage.prompt_tokens).toBeGreaterThan(15);

    const asked = await client.embeddings.create({ model, input: texts, encoding_format: 'base64' });
    expect(nearness(floatsOf(asked.data[0]?.embedding as unknown as string), cat)).toBeCloseTo(1, 4);
    // Without a wish the package asks for base64 and unpacks it.
    const unasked = await client.embeddings.create({ model, input: texts });
    expect(nearness(unasked.data[1]!.embedding, couch)).toBeCloseTo(1, 4);
  });

  it('embeds a text alone, tokens, and lists of tokens', async () => {
    const { client } = session;
    const alone = await client.embeddings.create({ model, input: texts[0]!, user: 'somebody' });
    const tokens = await client.embeddings.create({ model, input: [32, 9059, 115_240] });
    expect([alone.data.length, tokens.data.length]).toEqual([1, 1]);
    expect(tokens.usage.prompt_tokens).toBe(3);
    const lists = await client.embeddings.create({ model, input: [[32, 9059], [115_240], [32, 9059]] });
    expect(lists.usage.prompt_tokens).toBe(5);
    expect(lists.data[0]?.embedding).toEqual(lists.data[2]?.embedding);
    expect(lists.data[0]?.embedding).not.toEqual(lists.data[1]?.embedding);
  });

  it.each([1, 256, 1_536])('has %i dimensions when asked to', async (dimensions) => {
    const { data } = await session.client.embeddings.create({ model, input: texts[0]!, dimensions });
    expect(data[0]?.embedding).toHaveLength(dimensions);
    expect(nearness(data[0]!.embedding, data[0]!.embedding)).toBeCloseTo(1, 4);
  });

  it('takes 2,048 texts at once, in their order', async () => {
    const input = Array.from({ length: 2_048 }, (_, index) => `text ${index % 7}`);
    const { data } = await session.client.embeddings.create({ model: 'sandbox/embedding-small', input, dimensions: 8 });
    expect(data.map(({ index }) => index)).toEqual(input.map((_, index) => index));
    expect(data[700]?.embedding).toEqual(data[0]?.embedding);
    await expect(session.client.embeddings.create({ model, input: [...input, 'one too many'] })).rejects.toMatchObject({
      status: 400,
      param: 'input',
    });
  });

  it('reranks documents, the best first', async () => {
    const { client } = session;
    const documents = [texts[2]!, { text: texts[0]! }, texts[1]!];
    const body = { model: 'sandbox/rerank', query: 'Where does the cat sleep?', documents };
    const answer = (await client.post('/rerank', { body })) as RerankAnswer;
    expect(answer).toMatchObject({ object: 'list', model: 'sandbox/rerank' });
    expect(answer.results.map(({ index }) => index).at(-1)).toBe(0);
    const scores = answer.results.map(({ relevance_score: score }) => score);
    expect(scores).toEqual(scores.toSorted((one, other) => other - one));
    const best = (await client.post('/rerank', {
      body: { ...body, top_n: 1, return_documents: true },
    })) as RerankAnswer;
    expect(best.results).toHaveLength(1);
    expect(best.results[0]?.document?.text).toBe(best.results[0]?.index === 1 ? texts[0] : texts[1]);
  });

  it.each([
    ['input', { input: '' }],
    ['dimensions', { input: 'a', dimensions: 5_000 }],
    ['encoding_format', { input: 'a', encoding_format: 'hex' as 'float' }],
    ['model', { input: 'a', model: 'sandbox/speech' }],
  ])('refuses a wrong %s', async (param, wrong) => {
    await expect(session.client.embeddings.create({ model, ...wrong })).rejects.toMatchObject({ status: 400, param });
  });
}
