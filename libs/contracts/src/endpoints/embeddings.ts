import { z } from 'zod';
import { defineEndpoint } from '../endpoint.js';
import { refuseForbidden } from './forbidden-parameters.js';
import { modelName } from './model-name.js';
import { endUser, oneOf, wholeNumber } from './parameters.js';

const maxItems = 2_048;

// By hand: a zod union tries each of its members on every one of a million token ids.
const input = z
  .unknown()
  .check((payload) => {
    const message = inputProblem(payload.value);
    if (message) payload.issues.push({ code: 'custom', input: payload.value, path: [], message });
  })
  .meta({
    anyOf: [
      { type: 'string', minLength: 1 },
      { type: 'array', minItems: 1, maxItems, items: { type: 'string', minLength: 1 } },
      { type: 'array', minItems: 1, maxItems, items: { type: 'integer', minimum: 0 } },
      {
        type: 'array',
        minItems: 1,
        maxItems,
        items: { type: 'array', minItems: 1, items: { type: 'integer', minimum: 0 } },
      },
    ],
  });

/** `POST /v1/embeddings` (OpenAI OpenAPI, `CreateEmbeddingRequest`). */
export const embeddings = defineEndpoint({
  id: 'embeddings',
  modality: 'embedding',
  method: 'POST',
  path: '/v1/embeddings',
  accepts: ['json'],
  request: z
    .looseObject({
      model: modelName,
      input,
      encoding_format: oneOf(['float', 'base64']),
      dimensions: wholeNumber(1),
      user: endUser,
    })
    .check(refuseForbidden),
});

function inputProblem(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? 'must not be empty' : undefined;
  if (!Array.isArray(value)) return 'must be a string, an array of strings, or arrays of token ids';
  if (value.length === 0) return 'must not be empty';
  const [first] = value as unknown[];
  // A list of tokens is one input, and only the model knows how many of them it takes.
  if (typeof first === 'number') return tokensProblem(value);
  if (value.length > maxItems) return `has more than ${maxItems.toLocaleString('en-US')} items; split the request`;
  if (typeof first === 'string') return stringsProblem(value);
  return Array.isArray(first) ? tokenListsProblem(value) : 'must have strings or arrays of token ids as items';
}

function stringsProblem(items: readonly unknown[]): string | undefined {
  if (items.some((item) => typeof item !== 'string')) return 'must have items of one type';
  return items.includes('') ? 'must not have an empty string' : undefined;
}

function tokenListsProblem(items: readonly unknown[]): string | undefined {
  for (const item of items) {
    if (!Array.isArray(item)) return 'must have items of one type';
    if (item.length === 0) return 'must not have an empty array';
    const problem = tokensProblem(item);
    if (problem) return problem;
  }
  return undefined;
}

function tokensProblem(tokens: readonly unknown[]): string | undefined {
  for (const token of tokens) {
    if (typeof token !== 'number') return 'must have items of one type';
    if (!Number.isSafeInteger(token) || token < 0) return 'must have token ids that are whole numbers of at least 0';
  }
  return undefined;
}
