import { type ChatMessage, parseMessages } from './chat-message.js';
import { isObject, type Json, type JsonObject } from './json.js';
import { parseToolRequest, type ToolRequest } from './tool-request.js';
import { invalidValue, WireError } from './wire-error.js';

export type AnswerFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | { readonly type: 'json_schema'; readonly schema: Json };

/** A checked chat completion request: what OpenAI would refuse is refused here. */
export interface ChatRequest extends ToolRequest {
  /** As the caller wrote it. */
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly seed: number;
  /** `n`. */
  readonly choices: number;
  readonly stop: readonly string[];
  readonly maxTokens: number | undefined;
  /** undefined: no logprobs were asked for. */
  readonly topLogprobs: number | undefined;
  readonly format: AnswerFormat;
  readonly reasoningEffort: string;
}

/** Parses the body of `POST /v1/chat/completions`. */
export function parseChatRequest(body: JsonObject): ChatRequest {
  const stream = flag(body, 'stream');
  if (body.stream_options !== undefined && body.stream_options !== null && !stream) {
    throw invalidValue('stream_options', "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
  }
  refuseAudioOutput(body);
  return {
    model: parseModel(body),
    messages: parseMessages(body.messages),
    stream,
    includeUsage: isObject(body.stream_options) && body.stream_options.include_usage === true,
    seed: numberIn(body, 'seed', { integer: true }) ?? 0,
    choices: numberIn(body, 'n', { integer: true, from: 1, to: 128 }) ?? 1,
    stop: parseStop(body.stop),
    maxTokens: parseMaxTokens(body),
    topLogprobs: parseLogprobs(body),
    format: parseFormat(body.response_format),
    reasoningEffort: typeof body.reasoning_effort === 'string' ? body.reasoning_effort : 'medium',
    ...parseToolRequest(body),
    ...checkSampling(body),
  };
}

/** The `model` of a body, before anything else of it is looked at. */
export function parseModel(body: JsonObject): string {
  if (typeof body.model === 'string' && body.model !== '') return body.model;
  if (body.model === undefined) {
    throw new WireError(400, {
      message: 'you must provide a model parameter',
      param: 'model',
      code: 'missing_required_parameter',
    });
  }
  throw invalidValue('model', "Invalid type for 'model': expected a non-empty string.");
}

interface NumberRule {
  integer?: boolean;
  from?: number;
  to?: number;
}

function numberIn(body: JsonObject, name: string, rule: NumberRule): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  const { integer = false, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = rule;
  if (typeof value !== 'number' || (integer && !Number.isInteger(value))) {
    throw invalidValue(name, `Invalid type for '${name}': expected ${integer ? 'an integer' : 'a number'}.`);
  }
  if (value < from || value > to) {
    throw invalidValue(
      name,
      `Invalid '${name}': expected a value between ${from} and ${to}, but got ${value} instead.`,
    );
  }
  return value;
}

function flag(body: JsonObject, name: string): boolean {
  const value = body[name];
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw invalidValue(name, `Invalid type for '${name}': expected a boolean.`);
  return value;
}

/** The sandbox does not sample, but it refuses what a real server refuses. */
function checkSampling(body: JsonObject): Record<never, never> {
  numberIn(body, 'temperature', { from: 0, to: 2 });
  numberIn(body, 'top_p', { from: 0, to: 1 });
  numberIn(body, 'presence_penalty', { from: -2, to: 2 });
  numberIn(body, 'frequency_penalty', { from: -2, to: 2 });
  return {};
}

function parseStop(value: Json | undefined): string[] {
  if (value === undefined || value === null) return [];
  const list = Array.isArray(value) ? value : [value];
  if (list.length > 4) throw invalidValue('stop', "Invalid 'stop': at most 4 sequences are allowed.");
  return list.map((item) => {
    if (typeof item !== 'string') throw invalidValue('stop', "Invalid type for 'stop': expected a string or strings.");
    return item;
  });
}

function parseMaxTokens(body: JsonObject): number | undefined {
  const rule = { integer: true, from: 1 };
  const newer = numberIn(body, 'max_completion_tokens', rule);
  const older = numberIn(body, 'max_tokens', rule);
  if (newer !== undefined && older !== undefined) {
    throw invalidValue('max_tokens', "Set either 'max_tokens' or 'max_completion_tokens', not both.");
  }
  return newer ?? older;
}

function parseLogprobs(body: JsonObject): number | undefined {
  const top = numberIn(body, 'top_logprobs', { integer: true, from: 0, to: 20 });
  if (flag(body, 'logprobs')) return top ?? 0;
  if (top === undefined) return undefined;
  throw invalidValue('top_logprobs', "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.");
}

function parseFormat(value: Json | undefined): AnswerFormat {
  if (value === undefined || value === null) return { type: 'text' };
  const type = isObject(value) ? value.type : undefined;
  if (type === 'text' || type === 'json_object') return { type };
  if (!isObject(value) || type !== 'json_schema') {
    throw invalidValue('response_format.type', "Supported values are: 'json_object', 'json_schema', and 'text'.");
  }
  const holder = value.json_schema;
  if (!isObject(holder) || typeof holder.name !== 'string') {
    throw new WireError(400, {
      message: "Missing required parameter: 'response_format.json_schema.name'.",
      param: 'response_format.json_schema.name',
      code: 'missing_required_parameter',
    });
  }
  return { type: 'json_schema', schema: holder.schema ?? {} };
}

function refuseAudioOutput(body: JsonObject): void {
  if (Array.isArray(body.modalities) && body.modalities.includes('audio')) {
    throw new WireError(400, {
      message: 'The sandbox does not speak: ask for the modality "text" only.',
      param: 'modalities',
      code: 'unsupported_value',
    });
  }
}
