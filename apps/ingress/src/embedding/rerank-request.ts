import { rerank, type Usage } from '#libs/contracts';
import type { ReadRequest } from '../inference/intake.js';
import { jsonRequest, readJsonRequest } from '../inference/json-request.js';
import { heldInFull, likelyTokens, mostTokens } from '../inference/whole-hold.js';

/** Cohere counts a search for every hundred documents begun. */
const documentsPerSearch = 100;

interface Measured {
  readonly documents: number;
  /** Of all documents, and of the query once for each: it is read beside every one of them. */
  readonly bytes: number;
}

/** Reads the raw body of `POST /v1/rerank`; throws a `GatewayError`. */
export function readRerankRequest(raw: unknown): ReadRequest {
  const json = readJsonRequest(rerank, raw);
  const measured = measure(json.value);
  return {
    ...jsonRequest(rerank, json),
    head: { spans: json.spans, facts: { documents: measured.documents }, includeUsage: false },
    running: runningRerank(json.bytes, measured),
    largestUsage: () => usageOf(measured, mostTokens(measured.bytes)),
    hold: () => heldInFull,
    likelyTokens: () => likelyTokens(measured.bytes),
  };
}

function runningRerank(body: Buffer, measured: Measured): ReadRequest['running'] {
  return { body, estimate: () => usageOf(measured, likelyTokens(measured.bytes)) };
}

function usageOf({ documents }: Measured, input: number): Usage {
  return { searches: Math.ceil(documents / documentsPerSearch), input };
}

function measure({ query, documents }: Record<string, unknown>): Measured {
  const texts = (documents as (string | { text: string })[]).map((one) => (typeof one === 'string' ? one : one.text));
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return { documents: texts.length, bytes: bytes + texts.length * Buffer.byteLength(query as string) };
}
