import { GatewayError } from '#libs/contracts';
import { type AttemptSource, DialectAttempt } from '#libs/inference';
import { type EmbeddingsRequest, renderEmbeddings } from '#libs/providers';
import { jsonType } from './embeddings-relay.js';
import { InputCount, mostTokens } from './input-count.js';

/** An attempt in a vendor's own protocol: texts only, and we render the vectors. */
export function embeddingsDialect(source: AttemptSource, request: EmbeddingsRequest): DialectAttempt {
  const { head, target } = source;
  const { upstream, deployment } = target;
  const { name } = upstream.provider;
  const inputs = textsOf(request, name);
  const { inputType } = extrasOf(request, name);
  const { dimensions, base64 } = request;
  const count = new InputCount(request);
  return new DialectAttempt(source, {
    ask: async (dialect, settings, signal) => {
      if (!dialect.embed) throw new Error(`the dialect of ${upstream.id} has no embed`);
      const { embeddings, usage: reported } = await dialect.embed({
        settings,
        model: deployment.upstreamModel,
        request: {
          inputs,
          ...(dimensions !== undefined && { dimensions }),
          ...(inputType !== undefined && { inputType }),
        },
        signal,
      });
      if (embeddings.length !== inputs.length) throw new Error(`${upstream.id} left out some of the vectors`);
      const usageDisbelieved = (reported?.input ?? 0) > mostTokens(request, inputs.length);
      const usage = usageDisbelieved ? undefined : reported;
      const promptTokens = await count.promptTokens(usage?.input);
      const body = renderEmbeddings(embeddings, { model: head.model, base64, promptTokens });
      return { kind: 'answer', body, contentType: jsonType, usage, usageDisbelieved };
    },
    count: () => count.usage(),
  });
}

function textsOf({ inputs }: EmbeddingsRequest, provider: string): readonly string[] {
  const texts = inputs.filter((input) => typeof input === 'string');
  if (texts.length === inputs.length) return texts;
  const message = `${provider} takes texts, not token ids. Send \`input\` as a string or an array of strings.`;
  throw new GatewayError('unsupported_parameter', message, { param: 'input' });
}

/** Cohere's word for what the vectors are for; others translate it. All else has no place in a dialect. */
function extrasOf(request: EmbeddingsRequest, provider: string): { inputType: string | undefined } {
  const unknown = request.others.find((other) => other !== 'input_type');
  if (unknown === undefined) return { inputType: request.text('input_type') };
  const message = `${provider} does not support '${unknown}'. Leave it out, or choose another model.`;
  throw new GatewayError('unsupported_parameter', message, { param: unknown });
}
