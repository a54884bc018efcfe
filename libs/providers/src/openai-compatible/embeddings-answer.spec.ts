import { describe, expect, it } from '@jest/globals';
import { EmbeddingsAnswer, renderEmbeddings } from './embeddings-answer.js';

const read = (text: string | object): EmbeddingsAnswer => {
  const answer = EmbeddingsAnswer.read(Buffer.from(typeof text === 'string' ? text : JSON.stringify(text)));
  if (answer.kind !== 'answer') throw new Error(answer.kind);
  return answer;
};
const form = { model: 'public', base64: false, promptTokens: 3 };
const item = (index: number, embedding: unknown = [0.5, 1]) => ({ object: 'embedding', index, embedding });
const rest = { object: 'list', model: 'up', usage: { prompt_tokens: 3, total_tokens: 3 } };

describe('EmbeddingsAnswer', () => {
  it('replaces the model wherever it stands, and nothing else', () => {
    const before =
      '{"model" : "up","data":[{"embedding":[ 1e-9,\n0.50],"index":0,"object":"embedding"}],"object":"list",';
    const text = `${before}"usage":{"prompt_tokens":3,"total_tokens":3}} \n`;
    expect(Buffer.from(read(text).render(form)).toString()).toBe(text.replace('"up"', '"public"'));
    const behind = JSON.stringify({ data: [item(0), item(1)], ...rest });
    expect(Buffer.from(read(behind).render(form)).toString()).toBe(behind.replace('"up"', '"public"'));
  });

  it('adds what OpenAI’s schema requires and the upstream leaves out', () => {
    expect(JSON.parse(Buffer.from(read({ data: [item(0)] }).render(form)).toString())).toEqual({
      ...rest,
      model: 'public',
      data: [item(0)],
    });
  });

  it('tells usage that cannot be true', () => {
    expect(read({ ...rest, data: [item(0)] }).usage).toEqual({ input: 3 });
    for (const usage of [
      { prompt_tokens: -1 },
      { prompt_tokens: 1.5 },
      { total_tokens: 0 },
      { prompt_tokens: '3' },
      'x',
    ]) {
      const answer = read({ ...rest, usage, data: [item(0)] });
      expect([answer.usage, answer.usageDisbelieved]).toEqual([undefined, true]);
    }
    expect(read({ data: [item(0)] }).usageDisbelieved).toBe(false);
  });

  it('believes no more tokens than the request can have', () => {
    const bytes = Buffer.from(JSON.stringify({ ...rest, data: [item(0)] }));
    const facts = [3, 2].map((most) => {
      const answer = EmbeddingsAnswer.read(bytes, most);
      return answer.kind === 'answer' && [answer.usage, answer.usageDisbelieved];
    });
    expect(facts).toEqual([
      [{ input: 3 }, false],
      [undefined, true],
    ]);
  });

  it('puts what it says in the place of nulls', () => {
    for (const nulls of [
      { model: null, object: null, usage: null, data: [item(0)] },
      { data: [item(0)], usage: null, object: null, model: null },
    ]) {
      const answer = read(nulls);
      expect([answer.usage, answer.usageDisbelieved, answer.upstreamModel]).toEqual([undefined, false, undefined]);
      const text = Buffer.from(answer.render(form)).toString();
      expect(JSON.parse(text)).toEqual({ ...rest, model: 'public', data: [item(0)] });
      for (const name of ['"usage"', '"model"']) expect(text.split(name)).toHaveLength(2);
    }
  });

  it('numbers the items of several answers through, whatever the order of their members', () => {
    const one = read({ ...rest, data: [item(1, [1]), item(0, [0])] });
    const other = read({ usage: null, data: [{ index: 0, embedding: [2], object: 'embedding' }] });
    const joined = JSON.parse(Buffer.from(EmbeddingsAnswer.join([one, other], form)).toString()) as { data: unknown[] };
    expect(joined.data).toEqual([item(1, [1]), item(0, [0]), item(2, [2])]);
  });

  it('turns one encoding into the other', () => {
    const base64 = Buffer.from(Float32Array.from([0.5, 1]).buffer).toString('base64');
    const both = [read({ ...rest, data: [item(0)] }), read({ ...rest, data: [item(0, base64)] })];
    for (const answer of both) {
      const floats = JSON.parse(Buffer.from(answer.render(form)).toString()) as object;
      expect(floats).toEqual({ ...rest, model: 'public', data: [item(0)] });
      const texts = JSON.parse(Buffer.from(answer.render({ ...form, base64: true })).toString()) as object;
      expect(texts).toEqual({ ...rest, model: 'public', data: [item(0, base64)] });
    }
    expect(JSON.parse(Buffer.from(renderEmbeddings([[0.5, 1]], { ...form, base64: true })).toString())).toEqual({
      ...rest,
      model: 'public',
      data: [item(0, base64)],
    });
  });

  it.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['no vectors', '{"object":"list","data":[]}'],
    ['a vector that is cut', '{"data":[{"embedding":[0.1,0.2'],
    ['an answer that is cut', '{"data":[{"embedding":[0.1,0.2]}'],
    ['two answers', '{"data":[{"embedding":[0.1]}]}{}'],
  ])('takes %s for no answer', (_, text) => {
    expect(EmbeddingsAnswer.read(Buffer.from(text)).kind).toBe('garbled');
  });

  it('tells an error object with status 200', () => {
    expect(EmbeddingsAnswer.read(Buffer.from('{"error":{"message":"no"}}'))).toEqual({
      kind: 'error',
      error: { message: 'no' },
    });
  });

  it('costs next to nothing: no number of 16 × 1,536 is looked at', () => {
    const vector = Array.from({ length: 1536 }, (_, index) => Number(Math.sin(index).toPrecision(8)));
    const bytes = Buffer.from(
      JSON.stringify({ ...rest, data: Array.from({ length: 16 }, (_, index) => item(index, vector)) }),
    );
    const timed = (work: () => unknown): number => {
      const runs = Array.from({ length: 30 }, () => {
        const start = performance.now();
        work();
        return performance.now() - start;
      });
      return runs.toSorted((one, other) => one - other)[15] as number;
    };
    const reading = timed(() => EmbeddingsAnswer.read(bytes));
    expect(reading).toBeLessThan(timed(() => JSON.parse(bytes.toString()) as unknown) / 4);
  });
});
