import { type AttemptSource, RelayAttempt, type WholeAnswer } from '#libs/inference';
import {
  EmbeddingsAnswer,
  type EmbeddingsRequest,
  type FailureContext,
  failureOfErrorObject,
  failureOfGarbage,
  type UpstreamFailure,
} from '#libs/providers';
import { InputCount, mostTokens } from './input-count.js';

/** 2,048 vectors of 3,072 numbers in base64 are 34 MB. */
export const maxAnswerBytes = 64 * 1024 * 1024;
export const jsonType = 'application/json';

/** An attempt on OpenAI's wire, in one request: the vectors go through as they come. */
export function embeddingsRelay(source: AttemptSource, request: EmbeddingsRequest): RelayAttempt {
  const { head, target } = source;
  const { upstream, deployment } = target;
  const context = { upstream, model: head.model, upstreamModel: deployment.upstreamModel };
  const count = new InputCount(request);
  const body = request.bodyFor(upstream.provider, deployment.upstreamModel);
  const read = async (bytes: Buffer): Promise<WholeAnswer | UpstreamFailure> => {
    const answer = readAnswer(bytes, { items: head.facts['inputs'], request }, context);
    if (!(answer instanceof EmbeddingsAnswer)) return answer;
    const { usage, usageDisbelieved, upstreamModel } = answer;
    const promptTokens = await count.promptTokens(usage?.input);
    const rendered = answer.render({ model: head.model, base64: request.base64, promptTokens });
    return { kind: 'answer', body: rendered, contentType: jsonType, usage, usageDisbelieved, upstreamModel };
  };
  return new RelayAttempt(source, {
    request: (ownHeaders) => upstream.request(head.endpoint, body, ownHeaders),
    open: () => ({ kind: 'whole', maxBytes: maxAnswerBytes, read }),
    count: () => count.usage(),
  });
}

/** What an answer must fit. */
export interface AskedEmbeddings {
  /** How many vectors there must be, where that is known; fewer of them would be taken for the wrong texts. */
  readonly items: unknown;
  readonly request: EmbeddingsRequest;
}

export function readAnswer(
  bytes: Buffer,
  { items, request }: AskedEmbeddings,
  context: FailureContext,
): EmbeddingsAnswer | UpstreamFailure {
  const inputs = typeof items === 'number' ? items : request.inputs.length;
  const answer = EmbeddingsAnswer.read(bytes, mostTokens(request, inputs));
  if (answer.kind === 'error') return failureOfErrorObject(answer.error, context);
  if (answer.kind === 'garbled' || (typeof items === 'number' && answer.items !== items)) {
    return failureOfGarbage(context);
  }
  return answer;
}
