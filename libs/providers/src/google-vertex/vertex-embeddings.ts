import type { DialectCall, EmbedRequest, EmbedResult } from '../dialect.js';
import { embedInParts, googleTaskTypes, inputTypeIn } from '../vendor-embedding/embed-in-parts.js';
import { vertexClient } from './vertex-client.js';

/** Google's embedding models on Vertex AI. */
export async function embedWithVertex(call: DialectCall<EmbedRequest>): Promise<EmbedResult> {
  const taskType = inputTypeIn(call, googleTaskTypes);
  const { dimensions } = call.request;
  const options = {
    // A text that is too long is an error, as with OpenAI, and not cut in silence.
    autoTruncate: false,
    ...(taskType && { taskType }),
    ...(dimensions !== undefined && { outputDimensionality: dimensions }),
  };
  const model = vertexClient(call.settings).embeddingModel(call.model);
  const perCall = (await model.maxEmbeddingsPerCall) ?? 1;
  return embedInParts({ model, perCall, providerOptions: { googleVertex: options } }, call);
}
