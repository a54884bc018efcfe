import { createCohere } from '@ai-sdk/cohere';
import type { Dialect, DialectSettings } from '../dialect.js';
import { checkDimensions, cohereInputTypes, embedInParts, inputTypeIn } from '../vendor-embedding/embed-in-parts.js';
import { readRerankAnswer } from '../openai-compatible/rerank.js';

/** Of `/v2/embed`. */
const perCall = 96;
const sizesOfV4 = [256, 512, 1024, 1536];

// Never undefined: without a key the package would look into the environment.
const cohere = ({ fetch, secret }: DialectSettings) => createCohere({ fetch, apiKey: secret ?? '' });

/** Cohere's own API: reranking, and embeddings with what its OpenAI endpoint has no parameter for. */
export const cohereDialect: Dialect = {
  async embed(call) {
    const { dimensions } = call.request;
    checkDimensions(call, call.model.includes('embed-v4') ? sizesOfV4 : undefined);
    const options = {
      inputType: inputTypeIn(call, cohereInputTypes) ?? 'search_document',
      // A text that is too long is an error, as with OpenAI, and not cut in silence.
      truncate: 'NONE',
      ...(dimensions !== undefined && { outputDimension: dimensions }),
    };
    const model = cohere(call.settings).embedding(call.model);
    return embedInParts({ model, perCall, providerOptions: { cohere: options } }, call);
  },

  async rerank({ settings, model, request, signal }) {
    const { query, documents, topN } = request;
    const { ranking, response } = await cohere(settings)
      .reranking(model)
      .doRerank({
        query,
        documents: { type: 'text', values: [...documents] },
        ...(topN !== undefined && { topN }),
        abortSignal: signal,
      });
    // The package drops what was billed.
    const whole = readRerankAnswer(Buffer.from(JSON.stringify(response?.body ?? null)));
    const usage = whole.kind === 'answer' ? whole.usage : undefined;
    return { results: ranking.map(({ index, relevanceScore }) => ({ index, score: relevanceScore })), usage };
  },
};
