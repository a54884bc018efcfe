import type { Usage, WirePrice } from '#libs/contracts';
import { countTexts, type MeteredUsage } from '#libs/inference';
import type { RerankAsk } from '#libs/providers';

/** Cohere's search unit: one query with up to so many documents. */
const documentsPerSearch = 100;
/** Long documents are cut into several; more searches than so many times ours cannot be true. */
const mostSearches = 10;
/** What a provider may put around each pair of query and document. */
const mostTokensAround = 256;

type RerankUnit = 'searches' | 'input';

/** All that a provider reported and that can be true. */
export interface ReportedRerank {
  readonly usage: Usage;
  readonly disbelieved: boolean;
}

/** Leaves out what is beyond any bound that the request has. */
export function believedUsage(reported: Usage | undefined, ask: RerankAsk): ReportedRerank {
  const { searches, input } = reported ?? {};
  const isSearches = searches !== undefined && searches <= searchesOf(ask) * mostSearches;
  const isInput = input !== undefined && input <= mostInput(ask);
  return {
    usage: { ...(isSearches && { searches }), ...(isInput && { input }) },
    disbelieved: isSearches !== (searches !== undefined) || isInput !== (input !== undefined),
  };
}

/** Whether every unit that the price has is among what was reported. */
export function coversPrice(reported: Usage, price: WirePrice): boolean {
  return unitsOf(price).every((unit) => reported[unit] !== undefined);
}

/** Where the provider did not report all that the price has: that is counted, the rest stays as reported. */
export async function countedUsage(reported: Usage, ask: RerankAsk, price: WirePrice): Promise<MeteredUsage> {
  const missing = unitsOf(price).filter((unit) => reported[unit] === undefined);
  const usage: Usage = { ...reported };
  if (missing.includes('searches')) usage.searches = searchesOf(ask);
  if (!missing.includes('input')) return { usage, source: 'counted' };
  const [query, texts] = await Promise.all([countTexts([ask.query]), countTexts(ask.documents)]);
  // The query is read beside every document (Voyage and Jina, "How tokens are counted").
  usage.input = query.tokens * ask.documents.length + texts.tokens;
  return { usage, source: query.exact && texts.exact ? 'counted' : 'estimated' };
}

function searchesOf({ documents }: RerankAsk): number {
  return Math.ceil(documents.length / documentsPerSearch);
}

function mostInput({ query, documents }: RerankAsk): number {
  const around = Buffer.byteLength(query) + mostTokensAround;
  return documents.reduce((sum, document) => sum + Buffer.byteLength(document) + around, 0);
}

function unitsOf(price: WirePrice): RerankUnit[] {
  if (price.searches === undefined) return ['input'];
  return price.input === undefined ? ['searches'] : ['searches', 'input'];
}
