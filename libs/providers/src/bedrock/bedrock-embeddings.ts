import { createAmazonBedrock } from '@ai-sdk/amazon-bedrock';
import type {
  DialectCall,
  DialectSettings,
  EmbedRequest,
  EmbedResult,
  RerankRequest,
  RerankResult,
} from '../dialect.js';
import { checkDimensions, cohereInputTypes, embedInParts, inputTypeIn } from '../vendor-embedding/embed-in-parts.js';

/** Titan, Nova and Cohere embeddings, with a Bedrock API key. */
export async function embedWithBedrock(call: DialectCall<EmbedRequest>): Promise<EmbedResult> {
  const { model } = call;
  const family = families.find(({ names }) => names.test(model)) ?? titan;
  const sizes = family.sizes(model);
  checkDimensions(call, sizes);
  const inputType = inputTypeIn(call, family.inputTypes);
  const { dimensions } = call.request;
  const providerOptions = { amazonBedrock: family.options({ dimensions, inputType }) };
  const client = bedrock(call.settings, 'bedrock-runtime');
  return embedInParts({ model: client.embedding(model), perCall: family.perCall, providerOptions }, call);
}

/** Amazon's and Cohere's rerankers. */
export async function rerankWithBedrock(call: DialectCall<RerankRequest>): Promise<RerankResult> {
  const { query, documents, topN } = call.request;
  const { ranking } = await bedrock(call.settings, 'bedrock-agent-runtime')
    .reranking(call.model)
    .doRerank({
      query,
      documents: { type: 'text', values: [...documents] },
      topN: topN === undefined ? documents.length : Math.min(topN, documents.length),
      abortSignal: call.signal,
    });
  return { results: ranking.map(({ index, relevanceScore }) => ({ index, score: relevanceScore })), usage: undefined };
}

/** What the embedding models of one maker take. */
interface Family {
  readonly names: RegExp;
  readonly perCall: number;
  /** Undefined: one size only. */
  sizes(model: string): readonly number[] | undefined;
  readonly inputTypes?: typeof cohereInputTypes;
  options(asked: { dimensions: number | undefined; inputType: string | undefined }): Record<string, string | number>;
}

const titan: Family = {
  names: /titan-embed/,
  perCall: 1,
  sizes: (model) => (model.includes('titan-embed-text-v2') ? [256, 512, 1024] : undefined),
  options: ({ dimensions }) => ({ ...(dimensions !== undefined && { dimensions }) }),
};

// A text that is too long is an error, as with OpenAI, and not cut in silence.
const families: readonly Family[] = [
  titan,
  {
    names: /amazon\.nova-.*embed/,
    perCall: 1,
    sizes: () => [256, 384, 1024, 3072],
    options: ({ dimensions }) => ({
      truncate: 'NONE',
      ...(dimensions !== undefined && { embeddingDimension: dimensions }),
    }),
  },
  {
    names: /cohere\.embed-/,
    perCall: 96,
    sizes: (model) => (model.includes('cohere.embed-v4') ? [256, 512, 1024, 1536] : undefined),
    inputTypes: cohereInputTypes,
    options: ({ dimensions, inputType = 'search_document' }) => ({
      truncate: 'NONE',
      inputType,
      ...(dimensions !== undefined && { outputDimension: dimensions }),
    }),
  },
];

/** Key and URL are always told: without them the package would look into the environment. */
function bedrock({ fetch, secret, variables }: DialectSettings, service: string) {
  const region = variables['region'] ?? 'us-east-1';
  const baseURL = `https://${service}.${region}.amazonaws.com`;
  return createAmazonBedrock({ apiKey: secret || 'none', region, baseURL, fetch });
}
