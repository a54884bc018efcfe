import { embeddings } from '#libs/contracts';
import type { EndpointWork } from '#libs/inference';
import { EmbeddingsRequest, type Upstream } from '#libs/providers';
import { embeddingsDialect } from './embeddings-dialect.js';
import { embeddingsRelay } from './embeddings-relay.js';
import { SplitAttempt } from './split-attempt.js';

export const embeddingsWork: EndpointWork = {
  endpoint: embeddings.id,
  title: 'embeddings',
  operation: 'embeddings',
  prepare(source) {
    const { upstream } = source.target;
    const request = new EmbeddingsRequest(source.call.body);
    if (goesToDialect(upstream, request)) return embeddingsDialect(source, request);
    const size = upstream.provider.quirks?.embeddings?.maxInputs ?? Number.POSITIVE_INFINITY;
    const inputs = source.head.facts['inputs'] ?? request.inputs.length;
    return Number(inputs) > size ? new SplitAttempt(source, request, size) : embeddingsRelay(source, request);
  },
};

/** Where there is no OpenAI wire, or where the request has what only the vendor's own protocol knows. */
function goesToDialect(upstream: Upstream, request: EmbeddingsRequest): boolean {
  if (!upstream.passes(embeddings.id)) return true;
  const { dialect, quirks } = upstream.provider;
  const needsDialect = quirks?.embeddings?.dialectFor?.some((name) => request.asks(name)) === true;
  return needsDialect && dialect?.serves.includes(embeddings.id) === true;
}
