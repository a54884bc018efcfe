import { chatCompletions, GatewayError, hasOversizeTool, maxToolBytes } from '#libs/contracts';
import type { Model } from '#libs/catalog';
import { AddressRules } from '#libs/providers';
import type { ModelLimits, ReadRequest } from '../inference/intake.js';
import { jsonRequest, readJsonRequest } from '../inference/json-request.js';
import { chatEstimate } from './chat-estimate.js';
import { checkChatMedia } from './chat-media.js';
import { type ChatHold, chatHoldOf, type ChatMeasures } from './chat-hold.js';

/** Reads the raw body of `POST /v1/chat/completions`; throws a `GatewayError`. */
export function readChatRequest(raw: unknown, rules = AddressRules.publicOnly): ReadRequest {
  const json = readJsonRequest(chatCompletions, raw);
  const { value, bytes, spans } = json;
  if (bytes.length > maxToolBytes && hasOversizeTool(value['tools'])) {
    const message = `A tool is larger than ${maxToolBytes} bytes. Shorten its schema.`;
    throw new GatewayError('invalid_value', message, { param: 'tools' });
  }
  checkChatMedia(value['messages'], rules);
  const measures: ChatMeasures = {
    stream: json.valid.stream === true,
    outputLimit: outputLimitOf(value),
    choices: typeof value['n'] === 'number' ? value['n'] : 1,
    messages: value['messages'],
    body: bytes,
    speaks: Array.isArray(value['modalities']) && value['modalities'].includes('audio'),
  };
  const measured = once((model: ModelLimits) => chatHoldOf(measures, model));
  return {
    ...jsonRequest(chatCompletions, json),
    head: { spans, facts: {}, includeUsage: asksForUsage(value['stream_options']) },
    running: runningChat(bytes),
    refuseFor: (model) => refuseTooMuchOutput(measures.outputLimit, model),
    largestUsage: (model) => measured(model).largestUsage,
    hold: (model) => measured(model).hold,
    likelyTokens: (model) => likelyTokens(measured(model)),
  };
}

/** Limits and hold ask for the same measure of one model. */
function once(measure: (model: ModelLimits) => ChatHold): (model: ModelLimits) => ChatHold {
  let known: ChatHold | undefined;
  return (model) => (known ??= measure(model));
}

/** Made apart: a function made beside the parsed body would keep it while the request runs. */
function runningChat(body: Buffer): ReadRequest['running'] {
  return { body, estimate: (delivered, model) => chatEstimate(body, delivered, model) };
}

function asksForUsage(streamOptions: unknown): boolean {
  if (typeof streamOptions !== 'object' || streamOptions === null) return false;
  return 'include_usage' in streamOptions && streamOptions.include_usage === true;
}

function outputLimitOf(value: Record<string, unknown>): ChatMeasures['outputLimit'] {
  const { max_completion_tokens: newer, max_tokens: older } = value;
  if (typeof newer === 'number' && typeof older === 'number') {
    // Both would go upstream, and money is held for one: which of them counts is not ours to guess.
    const message = 'Send one of `max_completion_tokens` and `max_tokens`, not both.';
    throw new GatewayError('invalid_value', message, { param: 'max_tokens' });
  }
  if (typeof newer === 'number') return { param: 'max_completion_tokens', tokens: newer };
  return typeof older === 'number' ? { param: 'max_tokens', tokens: older } : undefined;
}

/** Half of what is held for the prompt, which is an upper bound, and the answer as it is held. */
function likelyTokens({ largestUsage: { input = 0, input_audio: sound = 0, output = 0 } }: ChatHold): number {
  return Math.ceil((input + sound) / 2) + output;
}

function refuseTooMuchOutput(outputLimit: ChatMeasures['outputLimit'], model: Model): void {
  if (!outputLimit || model.maxOutputTokens === null || outputLimit.tokens <= model.maxOutputTokens) return;
  const { param } = outputLimit;
  const message = `\`${param}\` is larger than the ${model.maxOutputTokens} output tokens of \`${model.id}\`.`;
  throw new GatewayError('invalid_value', message, { param });
}
