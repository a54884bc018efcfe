import { chatCompletions, GatewayError } from '#libs/contracts';
import type { AttemptSource, EndpointWork } from '#libs/inference';
import { chatRequestBody, type MediaFetcher } from '#libs/providers';
import { ChatAttempt } from './chat-attempt.js';
import { inlinedBody } from './inline-media.js';
import { outputNanosOf, PaidOutput } from './paid-output.js';

/** Chat completions: the caller's bytes, spliced for each provider. */
export function chatWork(media: MediaFetcher): EndpointWork {
  return {
    endpoint: chatCompletions.id,
    title: 'chat completions',
    operation: 'chat',
    prepare(source) {
      const { call, head, target } = source;
      const { spans } = head;
      if (!spans) throw new GatewayError('internal_error', 'The gateway lost its place in the request. Retry.');
      const { upstreamModel } = target.deployment;
      const { provider } = target.upstream;
      const spliced = chatRequestBody({ body: call.body, head: { ...head, spans }, upstreamModel, provider });
      const body = provider.quirks?.inlineMedia ? inlinedBody(spliced, media) : spliced;
      return new ChatAttempt(source, { body, paid: head.stream ? paidOutputOf(source) : undefined });
    },
  };
}

/** Undefined where nothing can run out: no hold, or output that is free. */
function paidOutputOf({ head, target, hold }: AttemptSource): PaidOutput | undefined {
  const outputNanos = outputNanosOf(target.price);
  if (!head.hold || outputNanos === 0n) return undefined;
  const { outputTokens, extensible } = head.hold;
  const extend = extensible ? (step: number, nanos: bigint) => hold.extend(step, nanos) : undefined;
  return new PaidOutput({ tokens: outputTokens, outputNanos, extend });
}
