import { createGoogle } from '@ai-sdk/google';
import type { DialectCall, EmbedRequest, EmbedResult } from '../dialect.js';
import { embedInParts, googleTaskTypes, inputTypeIn } from '../vendor-embedding/embed-in-parts.js';

/** Of `batchEmbedContents`. */
const perCall = 100;

/** Gemini embeddings for a task: what its OpenAI endpoint has no parameter for. */
export async function embedWithGoogle(call: DialectCall<EmbedRequest>): Promise<EmbedResult> {
  const { settings, request } = call;
  const taskType = inputTypeIn(call, googleTaskTypes);
  // Never undefined: without a key the package would look into the environment.
  const google = createGoogle({ apiKey: settings.secret ?? '', fetch: settings.fetch });
  const { dimensions } = request;
  const options = {
    ...(taskType && { taskType }),
    ...(dimensions !== undefined && { outputDimensionality: dimensions }),
  };
  return embedInParts({ model: google.embedding(call.model), perCall, providerOptions: { google: options } }, call);
}
