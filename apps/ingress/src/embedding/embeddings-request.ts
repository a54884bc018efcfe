import { embeddings } from '#libs/contracts';
import type { ModelLimits, ReadRequest } from '../inference/intake.js';
import { jsonRequest, readJsonRequest } from '../inference/json-request.js';
import { heldInFull, likelyTokens, mostTokens } from '../inference/whole-hold.js';

/** Tokens of one input, of a model whose limit nobody knows. */
const unknownModelTokens = 8_192;

/** The inputs of a request, normalised: a text alone and a list of tokens are one. */
interface Inputs {
  readonly count: number;
  readonly bytes: number;
  /** Where the caller did the counting. */
  readonly tokens: number | undefined;
}

/** Reads the raw body of `POST /v1/embeddings`; throws a `GatewayError`. */
export function readEmbeddingsRequest(raw: unknown): ReadRequest {
  const json = readJsonRequest(embeddings, raw);
  const inputs = inputsOf(json.value['input']);
  const { count, tokens } = inputs;
  return {
    ...jsonRequest(embeddings, json),
    head: { spans: json.spans, facts: { inputs: count, tokenArrays: tokens !== undefined }, includeUsage: false },
    running: runningEmbeddings(json.bytes, inputs),
    largestUsage: (model) => ({ input: tokens ?? Math.min(mostTokens(inputs.bytes), readable(count, model)) }),
    hold: () => heldInFull,
    likelyTokens: () => tokens ?? likelyTokens(inputs.bytes),
  };
}

/** What a model reads of so many inputs; the rest is cut off or refused. */
function readable(count: number, { contextTokens }: ModelLimits): number {
  return count * (contextTokens ?? unknownModelTokens);
}

function runningEmbeddings(body: Buffer, { bytes, tokens }: Inputs): ReadRequest['running'] {
  return { body, estimate: () => ({ input: tokens ?? likelyTokens(bytes) }) };
}

function inputsOf(input: unknown): Inputs {
  const items = typeof input === 'string' ? [input] : (input as string[] | number[] | number[][]);
  const [first] = items;
  if (typeof first === 'string') return { count: items.length, bytes: bytesOf(items as string[]), tokens: undefined };
  if (typeof first === 'number') return { count: 1, bytes: 0, tokens: items.length };
  return { count: items.length, bytes: 0, tokens: (items as number[][]).reduce((sum, { length }) => sum + length, 0) };
}

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}
