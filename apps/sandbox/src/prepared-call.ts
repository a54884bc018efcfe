import { type Answer, answerChat } from './answer.js';
import { type ChatRequest, parseChatRequest } from './chat-request.js';
import { completeTemplate, streamTemplate, type WireTemplate } from './completion-wire.js';
import type { JsonObject } from './json.js';
import type { ServedModel } from './served-models.js';
import { loadTokenizer, type Tokenizer } from './token-count.js';
import { WireError } from './wire-error.js';

/** A call that is ready to be sent; holds nothing that differs between two equal requests. */
export interface PreparedCall {
  readonly name: string;
  readonly model: ServedModel;
  readonly stream: boolean;
  readonly answer: Answer;
  readonly template: WireTemplate;
  readonly tokenizer: Tokenizer;
}

/** Checks a request and works its answer out. */
export async function prepareCall(body: JsonObject, model: ServedModel): Promise<PreparedCall> {
  const chat = parseChatRequest(body);
  const { maxTokens } = chat;
  if (maxTokens !== undefined && maxTokens > model.maxOutputTokens) {
    throw new WireError(400, {
      message: `max_tokens is too large: ${maxTokens}. This model supports at most ${model.maxOutputTokens} completion tokens.`,
      param: body.max_tokens === undefined ? 'max_completion_tokens' : 'max_tokens',
      code: 'invalid_value',
    });
  }
  const tokenizer = await loadTokenizer();
  const suffix = model.fault?.suffix;
  const answer = answerChat(chat, {
    tokenizer,
    maxOutputTokens: model.maxOutputTokens,
    reasons: model.reasons,
    ...(suffix !== undefined && { suffix }),
  });
  checkContext(answer, chat, model);
  const options = { tokenizer, reportsUsage: model.fault?.hidesUsage !== true };
  const template = chat.stream ? streamTemplate(chat, answer, options) : completeTemplate(chat, answer, options);
  return { name: chat.model, model, stream: chat.stream, answer, template, tokenizer };
}

function checkContext(answer: Answer, chat: ChatRequest, model: ServedModel): void {
  const asked = chat.maxTokens ?? 0;
  if (answer.prompt.total + asked <= model.contextTokens) return;
  throw new WireError(400, {
    message: `This model's maximum context length is ${model.contextTokens} tokens. However, you requested ${answer.prompt.total + asked} tokens (${answer.prompt.total} in the messages, ${asked} in the completion).`,
    param: 'messages',
    code: 'context_length_exceeded',
  });
}

const mostEntries = 200;
const longestKey = 16 * 1024;
const mostParts = 200;

/**
 * Remembers prepared calls by the text of their bodies: a bench that repeats a request measures the gateway, not this server.
 * Answers with tool calls are left out, since each call of a tool needs an id of its own.
 */
export class PreparedCalls {
  private readonly byText = new Map<string, PreparedCall>();

  get(text: string): PreparedCall | undefined {
    return text.length > longestKey ? undefined : this.byText.get(text);
  }

  add(text: string, call: PreparedCall): void {
    if (text.length > longestKey || call.template.tails.length > mostParts) return;
    if (call.answer.choices.some((choice) => choice.calls.length > 0)) return;
    const [oldest] = this.byText.keys();
    if (this.byText.size >= mostEntries && oldest !== undefined) this.byText.delete(oldest);
    this.byText.set(text, call);
  }
}
