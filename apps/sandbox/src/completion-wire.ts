import type { Answer, AnswerChoice, ToolCall } from './answer.js';
import type { ChatRequest } from './chat-request.js';
import type { Json, JsonObject } from './json.js';
import { type TokenLogprob, tokenPieces } from './logprobs.js';
import type { Tokenizer } from './token-count.js';

/**
 * An answer on the wire without what differs from call to call (`id` and `created`): a part is `head + tail`.
 * Equal requests share one template, so a bench pays for the answer once.
 */
export interface WireTemplate {
  readonly tails: readonly string[];
  /** The generated text in each part, so that a broken call knows what it delivered. */
  readonly texts: readonly string[];
}

export interface WireOptions {
  readonly tokenizer: Tokenizer;
  readonly reportsUsage: boolean;
}

const systemFingerprint = 'fp_5a2db0c4e1';

/** What the id and time of a call are put into. */
export function partHead(stream: boolean, id: string, created: number): string {
  const object = stream ? 'chat.completion.chunk' : 'chat.completion';
  return `${stream ? 'data: ' : ''}{"id":"${id}","object":"${object}","created":${created}`;
}

/** The body of a complete answer: one part. */
export function completeTemplate(chat: ChatRequest, answer: Answer, options: WireOptions): WireTemplate {
  const rest: JsonObject = {
    model: chat.model,
    choices: answer.choices.map((choice, index) => ({
      index,
      message: messageOf(choice, chat),
      logprobs: logprobsOf(choice, chat, options.tokenizer),
      finish_reason: choice.finishReason,
    })),
    ...(options.reportsUsage && { usage: { ...answer.usage } }),
    service_tier: 'default',
    system_fingerprint: systemFingerprint,
  };
  return { tails: [tailOf(rest)], texts: [answer.choices.map((choice) => choice.content ?? '').join('')] };
}

/** The chunks of a streamed answer in OpenAI's order, without `[DONE]`. */
export function streamTemplate(chat: ChatRequest, answer: Answer, options: WireOptions): WireTemplate {
  const tails: string[] = [];
  const texts: string[] = [];
  const withUsage = chat.includeUsage && options.reportsUsage;
  const base = `,"model":${JSON.stringify(chat.model)},"service_tier":"default","system_fingerprint":"${systemFingerprint}"`;
  const end = withUsage ? ',"usage":null}\n\n' : '}\n\n';
  const add = (choice: JsonObject, text: string): void => {
    tails.push(`${base},"choices":[${JSON.stringify(choice)}]${end}`);
    texts.push(text);
  };
  const lanes = answer.choices.map((choice, index) => [...chunksOf(choice, index, chat, options.tokenizer)]);
  // The choices of one answer grow side by side.
  const longest = Math.max(...lanes.map((lane) => lane.length));
  for (let step = 0; step < longest; step++) {
    for (const lane of lanes) {
      const chunk = lane[step];
      if (chunk !== undefined) add(chunk.choice, chunk.text);
    }
  }
  if (withUsage) {
    tails.push(`${base},"choices":[],"usage":${JSON.stringify(answer.usage)}}\n\n`);
    texts.push('');
  }
  return { tails, texts };
}

interface Chunk {
  choice: JsonObject;
  text: string;
}

function* chunksOf(choice: AnswerChoice, index: number, chat: ChatRequest, tokenizer: Tokenizer): Generator<Chunk> {
  const chunk = (delta: JsonObject, text = '', logprobs: Json = null): Chunk => ({
    choice: { index, delta, logprobs, finish_reason: null },
    text,
  });
  yield chunk({ role: 'assistant', content: choice.content === null ? null : '', refusal: null });
  if (choice.content !== null) {
    if (chat.topLogprobs === undefined) {
      for (const text of wordPieces(choice.content)) yield chunk({ content: text }, text);
    } else {
      for (const piece of tokenPieces(choice.tokens, chat.topLogprobs, tokenizer)) {
        yield chunk({ content: piece.text }, piece.text, wireLogprobs(piece.logprobs));
      }
    }
  }
  for (const [position, call] of choice.calls.entries()) {
    for (const { delta, text } of callDeltas(call, position, chat.legacyFunctions)) yield chunk(delta, text);
  }
  yield { choice: { index, delta: {}, logprobs: null, finish_reason: choice.finishReason }, text: '' };
}

function* callDeltas(call: ToolCall, index: number, legacy: boolean): Generator<{ delta: JsonObject; text: string }> {
  const field = call.kind === 'custom' ? 'input' : 'arguments';
  const wrap = (called: JsonObject, first: boolean): JsonObject => {
    if (legacy) return { function_call: called };
    return { tool_calls: [{ index, ...(first && { id: call.id, type: call.kind }), [call.kind]: called }] };
  };
  yield { delta: wrap({ name: call.name, [field]: '' }, true), text: call.name };
  for (const piece of wordPieces(call.input)) yield { delta: wrap({ [field]: piece }, false), text: piece };
}

const longestPiece = 16;

/** Words with the blank before them; what has no blanks is cut between characters. */
export function wordPieces(text: string): string[] {
  return text.match(new RegExp(`\\s{0,${longestPiece}}\\S{1,${longestPiece}}|\\s{1,${longestPiece}}`, 'gu')) ?? [];
}

function messageOf(choice: AnswerChoice, chat: ChatRequest): JsonObject {
  const message: JsonObject = { role: 'assistant', content: choice.content, refusal: null, annotations: [] };
  const [first] = choice.calls;
  if (first === undefined) return message;
  if (chat.legacyFunctions) message.function_call = { name: first.name, arguments: first.input };
  else message.tool_calls = choice.calls.map(wireCall);
  return message;
}

function wireCall(call: ToolCall): JsonObject {
  const called: JsonObject =
    call.kind === 'custom' ? { name: call.name, input: call.input } : { name: call.name, arguments: call.input };
  return { id: call.id, type: call.kind, [call.kind]: called };
}

function logprobsOf(choice: AnswerChoice, chat: ChatRequest, tokenizer: Tokenizer): Json {
  if (chat.topLogprobs === undefined || choice.content === null) return null;
  return wireLogprobs(tokenPieces(choice.tokens, chat.topLogprobs, tokenizer).flatMap((piece) => piece.logprobs));
}

function wireLogprobs(list: readonly TokenLogprob[]): JsonObject {
  return {
    content: list.map((entry) => ({ ...entry, top_logprobs: entry.top_logprobs.map((top) => ({ ...top })) })),
    refusal: null,
  };
}

function tailOf(rest: JsonObject): string {
  return `,${JSON.stringify(rest).slice(1)}`;
}
