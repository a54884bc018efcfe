import { randomBytes } from 'node:crypto';
import type { ChatRequest } from './chat-request.js';
import { draftAnswer } from './draft.js';
import { countPrompt, type PromptTokens } from './prompt-tokens.js';
import type { Tokenizer } from './token-count.js';
import type { PlannedCall } from './tool-plan.js';

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'function_call';

export interface ToolCall extends PlannedCall {
  readonly id: string;
}

export interface AnswerChoice {
  readonly content: string | null;
  readonly calls: readonly ToolCall[];
  readonly finishReason: FinishReason;
  /** Of the content. */
  readonly tokens: readonly number[];
}

/** OpenAI's usage object. */
export interface WireUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { cached_tokens: number; audio_tokens: number; image_tokens: number };
  readonly completion_tokens_details: {
    reasoning_tokens: number;
    audio_tokens: number;
    accepted_prediction_tokens: number;
    rejected_prediction_tokens: number;
  };
}

/** Everything that a completion says, before it takes a shape on the wire. */
export interface Answer {
  readonly choices: readonly AnswerChoice[];
  readonly prompt: PromptTokens;
  readonly reasoningTokens: number;
  readonly usage: WireUsage;
}

export interface AnswerOptions {
  readonly tokenizer: Tokenizer;
  readonly maxOutputTokens: number;
  readonly reasons: boolean;
  /** Appended to every prose answer. */
  readonly suffix?: string;
}

/** Hidden tokens by `reasoning_effort`. */
const reasoningTokensByEffort = new Map<string, number>([
  ['none', 0],
  ['minimal', 16],
  ['low', 64],
  ['medium', 192],
  ['high', 512],
  ['xhigh', 1024],
  ['max', 2048],
]);
// A call is framed by a few tokens besides its name and arguments.
const tokensPerCall = 4;
// 128 choices of 16,384 tokens would be half a gigabyte of events.
const mostTokensOfAllChoices = 131_072;

interface Part {
  choice: AnswerChoice;
  tokens: number;
  reasoning: number;
}

/** Answers a request within its limits. */
export function answerChat(chat: ChatRequest, options: AnswerOptions): Answer {
  const prompt = countPrompt(chat, options.tokenizer);
  const fairShare = Math.ceil(mostTokensOfAllChoices / chat.choices);
  const limit = Math.min(chat.maxTokens ?? options.maxOutputTokens, options.maxOutputTokens, fairShare);
  const parts = Array.from({ length: chat.choices }, (_, index) => answerChoice(chat, index, limit, options));
  const reasoningTokens = parts.reduce((sum, part) => sum + part.reasoning, 0);
  const completionTokens = parts.reduce((sum, part) => sum + part.tokens + part.reasoning, 0);
  return {
    choices: parts.map((part) => part.choice),
    prompt,
    reasoningTokens,
    usage: usageOf(prompt, completionTokens, reasoningTokens),
  };
}

/** Usage that adds up. */
export function usageOf(prompt: PromptTokens, completionTokens: number, reasoningTokens: number): WireUsage {
  return {
    prompt_tokens: prompt.total,
    completion_tokens: completionTokens,
    total_tokens: prompt.total + completionTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: prompt.audio, image_tokens: prompt.image },
    completion_tokens_details: {
      reasoning_tokens: reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function answerChoice(chat: ChatRequest, index: number, limit: number, options: AnswerOptions): Part {
  const wanted = options.reasons ? (reasoningTokensByEffort.get(chat.reasoningEffort) ?? 192) : 0;
  const reasoning = Math.min(wanted, limit);
  const draft = draftAnswer(chat, index);
  const rest = limit - reasoning;
  if ('calls' in draft) return { ...withCalls(draft.calls, rest, chat, options.tokenizer), reasoning };
  const text = chat.format.type === 'text' && options.suffix !== undefined ? draft.text + options.suffix : draft.text;
  return { ...withText(text, rest, chat, options.tokenizer), reasoning };
}

type Spoken = Omit<Part, 'reasoning'>;

function withText(text: string, limit: number, chat: ChatRequest, tokenizer: Tokenizer): Spoken {
  const stopped = beforeStop(text, chat.stop);
  const tokens = tokenizer.encode(stopped);
  if (tokens.length <= limit) {
    return { choice: { content: stopped, calls: [], finishReason: 'stop', tokens }, tokens: tokens.length };
  }
  const kept = tokens.slice(0, limit);
  const content = tokenizer.decode(kept);
  return { choice: { content, calls: [], finishReason: 'length', tokens: kept }, tokens: kept.length };
}

function beforeStop(text: string, stop: readonly string[]): string {
  let end = text.length;
  for (const sequence of stop) {
    const at = sequence === '' ? -1 : text.indexOf(sequence);
    if (at >= 0 && at < end) end = at;
  }
  return text.slice(0, end);
}

function withCalls(planned: readonly PlannedCall[], limit: number, chat: ChatRequest, tokenizer: Tokenizer): Spoken {
  const calls: ToolCall[] = [];
  let left = limit;
  for (const call of planned) {
    const frame = tokensPerCall + tokenizer.count(call.name);
    const tokens = tokenizer.encode(call.input);
    // An answer that is out of tokens breaks off inside a call's arguments, as OpenAI's do.
    const kept = tokens.slice(0, Math.max(0, left - frame));
    const input = kept.length === tokens.length ? call.input : tokenizer.decode(kept);
    calls.push({ ...call, input, id: `call_${randomBytes(12).toString('hex')}` });
    left -= frame + tokens.length;
    if (left < 0) break;
  }
  const finished = chat.legacyFunctions ? 'function_call' : 'tool_calls';
  const finishReason = left < 0 ? 'length' : finished;
  return { choice: { content: null, calls, finishReason, tokens: [] }, tokens: limit - Math.max(0, left) };
}
