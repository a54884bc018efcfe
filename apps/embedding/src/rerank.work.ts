import { GatewayError, rerank, type Usage } from '#libs/contracts';
import { type AttemptSource, DialectAttempt, type EndpointWork, RelayAttempt, type WholeAnswer } from '#libs/inference';
import {
  failureOfErrorObject,
  failureOfGarbage,
  type Ranked,
  readRerankAnswer,
  readRerankRequest,
  renderRerank,
  type RerankAsk,
  rerankRequestBody,
} from '#libs/providers';
import { jsonType } from './embeddings-relay.js';
import { believedUsage, countedUsage, coversPrice } from './rerank-usage.js';

/** A thousand documents may come back with the ranking. */
const maxAnswerBytes = 64 * 1024 * 1024;

export const rerankWork: EndpointWork = {
  endpoint: rerank.id,
  title: 'reranking',
  operation: 'rerank',
  prepare(source) {
    const ask = readRerankRequest(source.call.body);
    return source.target.upstream.passes(rerank.id) ? relay(source, ask) : inDialect(source, ask);
  },
};

/** What came of an upstream, whoever it is. */
interface Ranking {
  readonly results: readonly Ranked[];
  readonly reported: Usage | undefined;
  readonly id?: string | undefined;
  readonly upstreamModel?: string | undefined;
}

function relay(source: AttemptSource, ask: RerankAsk): RelayAttempt {
  const { call, head, target } = source;
  const { upstream, deployment, price } = target;
  const { upstreamModel } = deployment;
  const context = { upstream, model: head.model, upstreamModel };
  let believed: Usage = {};
  const body = rerankRequestBody(call.body, ask, { provider: upstream.provider, upstreamModel });
  return new RelayAttempt(source, {
    request: (ownHeaders) => upstream.request(rerank.id, body, ownHeaders),
    open: () => ({
      kind: 'whole',
      maxBytes: maxAnswerBytes,
      read: (bytes) => {
        const answer = readRerankAnswer(bytes);
        if (answer.kind === 'error') return failureOfErrorObject(answer.error, context);
        if (answer.kind === 'garbled' || !areOf(ask, answer.results)) return failureOfGarbage(context);
        const ranking = { ...answer, reported: answer.usage };
        believed = believedUsage(ranking.reported, ask).usage;
        return rendered(ranking, ask, source);
      },
    }),
    count: () => countedUsage(believed, ask, price),
  });
}

function inDialect(source: AttemptSource, ask: RerankAsk): DialectAttempt {
  const { deployment, price, upstream } = source.target;
  const [unknown] = ask.others;
  if (unknown !== undefined) {
    const message = `${upstream.provider.name} does not support '${unknown}'. Leave it out, or choose another model.`;
    throw new GatewayError('unsupported_parameter', message, { param: unknown });
  }
  const { query, documents, topN } = ask;
  let believed: Usage = {};
  return new DialectAttempt(source, {
    ask: async (dialect, settings, signal) => {
      if (!dialect.rerank) throw new Error(`the dialect of ${upstream.id} has no rerank`);
      const request = { query, documents, ...(topN !== undefined && { topN }) };
      const call = { settings, model: deployment.upstreamModel, request, signal };
      const { results, usage } = await dialect.rerank(call);
      if (!areOf(ask, results)) throw new Error(`${upstream.id} ranked documents that it was not given`);
      believed = believedUsage(usage, ask).usage;
      return rendered({ results, reported: usage }, ask, source);
    },
    count: () => countedUsage(believed, ask, price),
  });
}

async function rendered(ranking: Ranking, ask: RerankAsk, { head, target }: AttemptSource): Promise<WholeAnswer> {
  const { usage: believed, disbelieved: usageDisbelieved } = believedUsage(ranking.reported, ask);
  const usage = coversPrice(believed, target.price) ? believed : undefined;
  const told = usage ?? (await countedUsage(believed, ask, target.price)).usage;
  const body = renderRerank(ranking.results, ask, { model: head.model, id: ranking.id, usage: told });
  const { upstreamModel } = ranking;
  return { kind: 'answer', body, contentType: jsonType, usage, usageDisbelieved, upstreamModel };
}

/** Every rank is of a document that was asked about. */
function areOf({ documents }: RerankAsk, results: readonly Ranked[]): boolean {
  return results.every(({ index }) => Number.isInteger(index) && index >= 0 && index < documents.length);
}
