import type { EmbeddingModelV4 } from '@ai-sdk/provider';
import { GatewayError } from '#libs/contracts';
import type { DialectCall, EmbedRequest, EmbedResult } from '../dialect.js';

const maxAtOnce = 4;

/** How a vendor's package is asked. */
export interface EmbedModel {
  readonly model: EmbeddingModelV4;
  /** Texts that one request may have. */
  readonly perCall: number;
  readonly providerOptions?: Parameters<EmbeddingModelV4['doEmbed']>[0]['providerOptions'];
}

/** All texts in as many requests as it takes, joined in order; the first failure ends the rest. */
export async function embedInParts(asked: EmbedModel, call: DialectCall<EmbedRequest>): Promise<EmbedResult> {
  const { inputs } = call.request;
  const { perCall, model, providerOptions } = asked;
  const failed = new AbortController();
  const abortSignal = AbortSignal.any([call.signal, failed.signal]);
  const parts: EmbedResult[] = [];
  const count = Math.ceil(inputs.length / perCall);
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < count && !failed.signal.aborted) {
      const index = next++;
      const values = inputs.slice(index * perCall, (index + 1) * perCall);
      const result = await model.doEmbed({ values, abortSignal, ...(providerOptions && { providerOptions }) });
      parts[index] = { embeddings: result.embeddings, usage: usageOf(result.usage?.tokens) };
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(maxAtOnce, count) }, runner));
  } catch (error) {
    failed.abort();
    throw error;
  }
  return { embeddings: parts.flatMap(({ embeddings }) => embeddings), usage: sumOf(parts) };
}

/** One of the sizes that a model can make; `sizes` undefined: it makes only one, which nobody can choose. */
export function checkDimensions({ model, request }: DialectCall<EmbedRequest>, sizes?: readonly number[]): void {
  const { dimensions } = request;
  if (dimensions === undefined || sizes?.includes(dimensions)) return;
  if (sizes) {
    const message = `\`${model}\` makes vectors of ${sizes.join(', ')} dimensions; choose one of them.`;
    throw new GatewayError('invalid_value', message, { param: 'dimensions' });
  }
  throw new GatewayError(
    'unsupported_parameter',
    `\`${model}\` has vectors of one size only. Leave 'dimensions' out.`,
    {
      param: 'dimensions',
    },
  );
}

/** The vendor's word for what the vectors are for; without `words` it has none. */
export function inputTypeIn<Word extends string>(
  { model, request }: DialectCall<EmbedRequest>,
  words?: Readonly<Record<string, Word>>,
): Word | undefined {
  const { inputType } = request;
  if (inputType === undefined) return undefined;
  const word = words && Object.hasOwn(words, inputType) ? words[inputType] : undefined;
  if (word !== undefined) return word;
  if (words) {
    const message = `'input_type' of \`${model}\` is one of ${Object.keys(words).join(', ')}.`;
    throw new GatewayError('invalid_value', message, { param: 'input_type' });
  }
  throw new GatewayError('unsupported_parameter', `\`${model}\` does not support 'input_type'. Leave it out.`, {
    param: 'input_type',
  });
}

/** Cohere's words, which are the ones of our API. */
export const cohereInputTypes = {
  search_document: 'search_document',
  search_query: 'search_query',
  classification: 'classification',
  clustering: 'clustering',
} as const;

/** Google's words for them. */
export const googleTaskTypes = {
  search_document: 'RETRIEVAL_DOCUMENT',
  search_query: 'RETRIEVAL_QUERY',
  classification: 'CLASSIFICATION',
  clustering: 'CLUSTERING',
} as const;

/** A package without a figure says undefined, zero or NaN. */
function usageOf(tokens: number | undefined): EmbedResult['usage'] {
  return tokens !== undefined && Number.isInteger(tokens) && tokens > 0 ? { input: tokens } : undefined;
}

function sumOf(parts: readonly EmbedResult[]): EmbedResult['usage'] {
  let input = 0;
  for (const { usage } of parts) {
    if (usage?.input === undefined) return undefined;
    input += usage.input;
  }
  return { input };
}
