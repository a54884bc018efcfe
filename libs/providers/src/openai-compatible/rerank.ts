import { randomBytes } from 'node:crypto';
import type { Usage } from '#libs/contracts';
import type { Provider } from '../provider.js';
import type { NoAnswer } from './chat-answer.js';
import { type Edit, splice, topLevelMembers, valueEnd } from './json-edits.js';

/** A request to `/v1/rerank`, read: its texts are needed again to count tokens and to show documents. */
export interface RerankAsk {
  readonly query: string;
  readonly documents: readonly string[];
  readonly topN: number | undefined;
  /** Undefined: not said, so it is as the upstream does it. */
  readonly returnDocuments: boolean | undefined;
  /** Other parameters that are there. */
  readonly others: readonly string[];
}

/** A document and how well it fits. */
export interface Ranked {
  readonly index: number;
  readonly score: number;
  readonly text?: string | undefined;
}

/** An upstream's ranking in any of the shapes that vendors use. */
export interface RerankAnswer {
  readonly kind: 'answer';
  readonly id: string | undefined;
  readonly upstreamModel: string | undefined;
  /** Best first. */
  readonly results: readonly Ranked[];
  /** All that was reported: `searches`, `input`, or both. */
  readonly usage: Usage;
}

const known: ReadonlySet<string> = new Set(['model', 'query', 'documents', 'top_n', 'return_documents']);

/** Reads a request that ingress has checked. */
export function readRerankRequest(body: Uint8Array): RerankAsk {
  const asked = JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>;
  const { query, documents, top_n: topN, return_documents: returnDocuments } = asked;
  return {
    query: query as string,
    documents: (documents as unknown[]).map(documentText),
    topN: typeof topN === 'number' ? topN : undefined,
    returnDocuments: typeof returnDocuments === 'boolean' ? returnDocuments : undefined,
    others: Object.keys(asked).filter((name) => !known.has(name) && asked[name] !== null),
  };
}

/** The upstream's body: the caller's bytes with nothing changed but what this provider needs changed. */
export function rerankRequestBody(
  body: Uint8Array,
  ask: RerankAsk,
  { provider, upstreamModel }: { provider: Provider; upstreamModel: string },
): Uint8Array {
  const quirks = provider.quirks?.rerank ?? {};
  const members = topLevelMembers(body);
  const edits: Edit[] = [];
  const setting = (name: string, value: unknown): void => {
    const member = members.get(name);
    if (!member) return;
    edits.push({ start: member.valueStart, end: valueEnd(body, member.valueStart), text: JSON.stringify(value) });
  };
  setting('model', upstreamModel);
  if (quirks.stringsOnly) setting('documents', ask.documents);
  const topN = members.get('top_n');
  if (topN && quirks.topNName) edits.push({ start: topN.keyStart, end: topN.keyEnd, text: quirks.topNName });
  return splice(body, edits);
}

/**
 * Reads a body that came with status 200: `results` (Cohere, Jina, Together, vLLM) or `data` (Voyage), documents as
 * objects or texts, usage as tokens or as Cohere's billed units.
 */
export function readRerankAnswer(bytes: Buffer): RerankAnswer | NoAnswer {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString());
  } catch {
    return { kind: 'garbled' };
  }
  const answer = asRecord(parsed);
  if (answer?.['error'] != null) return { kind: 'error', error: answer['error'] };
  const list = answer?.['results'] ?? answer?.['data'];
  const results = Array.isArray(list) ? list.map(rankedOf) : [];
  if (!answer || results.length === 0 || results.includes(undefined)) return { kind: 'garbled' };
  return {
    kind: 'answer',
    id: textIn(answer, 'id'),
    upstreamModel: textIn(answer, 'model'),
    results: results as Ranked[],
    usage: usageIn(answer),
  };
}

/** What `renderRerank` says beside the ranking. */
export interface RerankForm {
  /** The public id. */
  readonly model: string;
  readonly id: string | undefined;
  /** What is charged, under the names that Cohere and Jina have for it. */
  readonly usage: Usage;
}

/** The one shape that callers get, whoever ranked. */
export function renderRerank(results: readonly Ranked[], ask: RerankAsk, form: RerankForm): Uint8Array {
  const { searches, input } = form.usage;
  const shown = ask.topN === undefined ? results : results.slice(0, ask.topN);
  const answer = {
    id: form.id ?? `rerank-${randomBytes(12).toString('hex')}`,
    object: 'list',
    model: form.model,
    results: shown.map(({ index, score, text }) => {
      const shownText = ask.returnDocuments === true ? (ask.documents[index] ?? text) : text;
      const hasText = ask.returnDocuments !== false && shownText !== undefined;
      return { index, relevance_score: score, ...(hasText && { document: { text: shownText } }) };
    }),
    ...(searches !== undefined && { meta: { billed_units: { search_units: searches } } }),
    ...(input !== undefined && { usage: { prompt_tokens: input, total_tokens: input } }),
  };
  return Buffer.from(JSON.stringify(answer));
}

function documentText(document: unknown): string {
  return typeof document === 'string' ? document : (textIn(asRecord(document) ?? {}, 'text') ?? '');
}

function rankedOf(item: unknown): Ranked | undefined {
  const entry = asRecord(item);
  const score = entry?.['relevance_score'] ?? entry?.['score'];
  if (!entry || !Number.isInteger(entry['index']) || typeof score !== 'number') return undefined;
  const { document } = entry;
  const text = typeof document === 'string' ? document : textIn(asRecord(document) ?? {}, 'text');
  return { index: entry['index'] as number, score, text };
}

function usageIn(answer: Record<string, unknown>): Usage {
  const meta = asRecord(answer['meta']) ?? {};
  const usage = asRecord(answer['usage']) ?? {};
  const tokens = asRecord(meta['tokens']) ?? {};
  const billed = asRecord(meta['billed_units']) ?? {};
  const searches = count(billed['search_units'] ?? usage['search_units']);
  const input = count(usage['prompt_tokens']) ?? count(usage['total_tokens']) ?? count(tokens['input_tokens']);
  return { ...(searches !== undefined && { searches }), ...(input !== undefined && { input }) };
}

/** Zero is not believed: no ranking is free of work. */
function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 1_000_000_000
    ? value
    : undefined;
}

function textIn(record: Record<string, unknown>, name: string): string | undefined {
  const value = record[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
