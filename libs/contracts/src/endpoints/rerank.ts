import { z } from 'zod';
import { defineEndpoint } from '../endpoint.js';
import { refuseForbidden } from './forbidden-parameters.js';
import { modelName } from './model-name.js';
import { wholeNumber } from './parameters.js';

const maxDocuments = 1_000;
const documentsError = 'must be an array of 1 to 1,000 documents: strings, or objects with `text`';

const documents = z
  .array(z.unknown(), { error: documentsError })
  .min(1, { error: documentsError })
  .max(maxDocuments, { error: documentsError })
  .check((payload) => {
    const index = payload.value.findIndex((document) => !isDocument(document));
    if (index < 0) return;
    const message = 'must be a string, or an object with `text`';
    payload.issues.push({ code: 'custom', input: payload.value, path: [index], message });
  })
  .meta({
    items: {
      anyOf: [
        { type: 'string', minLength: 1 },
        { type: 'object', required: ['text'], properties: { text: { type: 'string', minLength: 1 } } },
      ],
    },
  });

/** `POST /v1/rerank`: the shape that Cohere, Jina and Voyage share. */
export const rerank = defineEndpoint({
  id: 'rerank',
  modality: 'embedding',
  method: 'POST',
  path: '/v1/rerank',
  accepts: ['json'],
  request: z
    .looseObject({
      model: modelName,
      query: z.string({ error: 'must be a string' }).min(1, { error: 'must not be empty' }),
      documents,
      top_n: wholeNumber(1),
      return_documents: z.boolean({ error: 'must be true or false' }).nullish(),
    })
    .check(refuseForbidden),
});

function isDocument(document: unknown): boolean {
  if (typeof document === 'string') return document !== '';
  if (typeof document !== 'object' || document === null || !('text' in document)) return false;
  return typeof document.text === 'string' && document.text !== '';
}
