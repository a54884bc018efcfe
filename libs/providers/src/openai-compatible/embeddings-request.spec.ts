import { describe, expect, it } from '@jest/globals';
import type { EmbeddingQuirks } from '../provider.js';
import { compatible, embeds } from './compatible.js';
import { EmbeddingsRequest } from './embeddings-request.js';

const requestOf = (text: string): EmbeddingsRequest => new EmbeddingsRequest(Buffer.from(text));
const bodyFor = (text: string, quirks: EmbeddingQuirks = {}): string =>
  Buffer.from(
    requestOf(text).bodyFor(embeds(quirks, compatible('acme', 'Acme', 'https://acme.test/v1', [])), 'up'),
  ).toString();

describe('EmbeddingsRequest', () => {
  it('changes the model only', () => {
    const text = '{ "input": ["model", "\\u00e9"], "model" : "public" ,"dimensions": 8, "other": {"model": "x"}}';
    expect(bodyFor(text)).toBe(text.replace('"public"', '"up"'));
  });

  it('leaves an encoding out that the upstream does not know', () => {
    const float = '{"model":"m","encoding_format":"float","input":"a"}';
    expect(bodyFor(float, { encodings: ['base64'] })).toBe('{"model":"up","input":"a"}');
    expect(bodyFor(float, { encodings: ['float'] })).toBe(float.replace('"m"', '"up"'));
    const base64 = '{"input":"a","model":"m","encoding_format":"base64"}';
    expect(bodyFor(base64, { encodings: [] })).toBe('{"input":"a","model":"up"}');
    expect(requestOf(base64).base64).toBe(true);
  });

  it('calls dimensions as the upstream does', () => {
    const text = '{"model":"m","input":"a","dimensions": 8 }';
    expect(bodyFor(text, { dimensionsName: 'output_dimension' })).toBe(
      '{"model":"up","input":"a","output_dimension": 8 }',
    );
    expect(requestOf(text).dimensions).toBe(8);
    expect(requestOf('{"model":"m","input":"a","dimensions":null}').dimensions).toBeUndefined();
  });

  it('reads inputs of every shape as a list', () => {
    const inputsOf = (input: unknown) => requestOf(JSON.stringify({ model: 'm', input })).inputs;
    expect(inputsOf('a')).toEqual(['a']);
    expect(inputsOf(['a', 'b'])).toEqual(['a', 'b']);
    expect(inputsOf([1, 2])).toEqual([[1, 2]]);
    expect(inputsOf([[1], [2, 3]])).toEqual([[1], [2, 3]]);
  });

  it('splits in order and keeps the rest of the request in every part', () => {
    const parts = requestOf('{"user":"u","input":["a","b","c"],"model":"m"}').split(2);
    expect(parts.map(({ body }) => JSON.parse(Buffer.from(body).toString()) as unknown)).toEqual([
      { user: 'u', input: ['a', 'b'], model: 'm' },
      { user: 'u', input: ['c'], model: 'm' },
    ]);
  });

  it('names parameters that are not OpenAI’s', () => {
    expect(requestOf('{"model":"m","input":"a","user":"u","task":"x","truncate":null}').others).toEqual(['task']);
  });
});
