import { randomBytes } from 'node:crypto';
import type { CallLog } from '../call-log.js';
import { cosine, textVector } from '../embedding/text-vector.js';
import { isObject, type Json } from '../json.js';
import { loadTokenizer } from '../token-count.js';
import { invalidValue } from '../wire-error.js';
import type { HttpCall } from './http-call.js';
import { wholeEndpoint } from './whole-endpoint.js';

/** Cohere's search unit. */
const documentsPerSearch = 100;

/** `POST /v1/rerank`, in the shape of Cohere and Jina. */
export function rerankEndpoint(options: { readonly callLog: CallLog }): (call: HttpCall) => Promise<void> {
  return wholeEndpoint('rerank', options, async (body, name, { dimensions, fault }) => {
    const { query, top_n: topN = null, return_documents: shows } = body;
    if (typeof query !== 'string' || query === '') throw invalidValue('query', "Invalid 'query': expected a string.");
    const documents = parseDocuments(body.documents ?? null);
    const tokenizer = await loadTokenizer();
    const asked = textVector(query, dimensions);
    const ranked = documents
      .map((text, index) => ({ index, text, score: Math.max(0, cosine(asked, textVector(text, dimensions))) }))
      .toSorted((one, other) => other.score - one.score || one.index - other.index)
      .slice(0, parseTopN(topN, documents.length));
    const tokens = documents.reduce(
      (sum, text) => sum + tokenizer.count(text),
      tokenizer.count(query) * documents.length,
    );
    const usage = { prompt_tokens: tokens, total_tokens: tokens };
    const told = fault?.hidesUsage !== true;
    const answer = {
      id: `rerank-${randomBytes(12).toString('hex')}`,
      model: name,
      results: ranked.map(({ index, score, text }) => ({
        index,
        relevance_score: Number(score.toFixed(6)),
        ...(shows === true && { document: { text } }),
      })),
      ...(told && {
        meta: { billed_units: { search_units: Math.ceil(documents.length / documentsPerSearch) } },
        usage,
      }),
    };
    return { json: JSON.stringify(answer), usage };
  });
}

function parseDocuments(documents: Json): string[] {
  const expected = "Invalid 'documents': expected a non-empty array of strings, or of objects with a text.";
  if (!Array.isArray(documents) || documents.length === 0) throw invalidValue('documents', expected);
  return documents.map((document) => {
    const text = isObject(document) ? document.text : document;
    if (typeof text !== 'string') throw invalidValue('documents', expected);
    return text;
  });
}

function parseTopN(topN: Json, most: number): number {
  if (topN === null) return most;
  if (typeof topN === 'number' && Number.isInteger(topN) && topN >= 1) return Math.min(topN, most);
  throw invalidValue('top_n', "Invalid 'top_n': expected a positive integer.");
}
