import { z } from 'zod';
import { defineEndpoint } from '../endpoint.js';
import { refuseForbidden } from './forbidden-parameters.js';
import { modelName } from './model-name.js';
import { messagesProblem, messagesSchema } from './chat-messages.js';

/** A tool's definition, as JSON, may not be larger. */
export const maxToolBytes = 64 * 1024;

const outputLimit = z
  .int({ error: 'must be a whole number of tokens, at least 1' })
  .positive({ error: 'must be a whole number of tokens, at least 1' })
  .nullish();

const messages = z
  .array(z.unknown(), { error: 'must be an array of 1 to 10,000 messages' })
  .min(1, { error: 'must be an array of 1 to 10,000 messages' })
  .max(10_000, { error: 'must be an array of 1 to 10,000 messages' })
  // By hand: a zod object per message costs more than parsing the JSON did.
  .check((payload) => {
    const problem = messagesProblem(payload.value);
    if (problem) payload.issues.push({ code: 'custom', input: payload.value, ...problem });
  })
  .meta({ items: messagesSchema });

const tools = z
  .array(z.looseObject({ type: z.string() }), { error: 'must be an array of at most 128 tools' })
  .max(128, { error: 'must be an array of at most 128 tools' })
  .nullish();

const responseFormat = z
  .looseObject({ type: z.string() }, { error: 'must be an object with a `type`' })
  .check((payload) => {
    if (payload.value.type === 'json_schema' && hasRemoteReference(payload.value)) {
      const message = 'has a `$ref` outside its own document; put the definition under `$defs` and use `#/$defs/…`';
      payload.issues.push({ code: 'custom', input: payload.value, path: [], message });
    }
  })
  .nullish();

const metadata = z
  .record(z.string(), z.unknown(), { error: 'must be an object of at most 16 strings' })
  .check((payload) => {
    const message = metadataProblem(payload.value);
    if (message) payload.issues.push({ code: 'custom', input: payload.value, path: [], message });
  })
  .nullish();

/**
 * What the gateway must check of a chat completion request (OpenAI OpenAPI, `CreateChatCompletionRequest`). Loose:
 * every other parameter goes upstream as it came, and is refused there if it is wrong.
 */
export const chatCompletionRequest = z
  .looseObject({
    model: modelName,
    messages,
    stream: z.boolean({ error: 'must be true or false' }).nullish(),
    stream_options: z
      .looseObject(
        { include_usage: z.boolean({ error: 'must be true or false' }).nullish() },
        { error: 'must be an object, e.g. {"include_usage": true}' },
      )
      .nullish(),
    max_tokens: outputLimit,
    max_completion_tokens: outputLimit,
    temperature: z
      .number({ error: 'must be a number from 0 to 2' })
      .min(0, { error: 'must be a number from 0 to 2' })
      .max(2, { error: 'must be a number from 0 to 2' })
      .nullish(),
    n: z
      .int({ error: 'must be a whole number from 1 to 128' })
      .min(1, { error: 'must be a whole number from 1 to 128' })
      .max(128, { error: 'must be a whole number from 1 to 128' })
      .nullish(),
    tools,
    response_format: responseFormat,
    metadata,
    user: z
      .string({ error: 'must be a string' })
      .max(512, { error: 'is longer than 512 characters' })
      .regex(/^\P{Cc}*$/u, { error: 'has control characters' })
      .nullish(),
  })
  .check((payload) => {
    const { value } = payload;
    if (value.stream_options && value.stream !== true) {
      const message = 'is only allowed together with `stream: true`';
      payload.issues.push({ code: 'custom', input: value, path: ['stream_options'], message });
    }
  })
  .check(refuseForbidden);

/** `POST /v1/chat/completions`. */
export const chatCompletions = defineEndpoint({
  id: 'chat.completions',
  modality: 'text',
  method: 'POST',
  path: '/v1/chat/completions',
  accepts: ['json'],
  request: chatCompletionRequest,
});

/**
 * Whether a tool is larger than `maxToolBytes`. Not part of the schema: measuring costs as much as parsing, and a body
 * smaller than the limit need not be measured. What a schema says is the provider's to judge; it is never evaluated here.
 */
export function hasOversizeTool(tools: unknown): boolean {
  return Array.isArray(tools) && tools.some((tool) => JSON.stringify(tool).length > maxToolBytes);
}

function hasRemoteReference(root: object): boolean {
  const pending: object[] = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const [key, value] of Object.entries(node)) {
      if (key === '$ref' && typeof value === 'string' && !value.startsWith('#')) return true;
      if (typeof value === 'object' && value !== null) pending.push(value);
    }
  }
  return false;
}

function metadataProblem(metadata: Record<string, unknown>): string | undefined {
  const pairs = Object.entries(metadata);
  if (pairs.length > 16) return 'has more than 16 pairs';
  for (const [key, value] of pairs) {
    if (key.length > 64) return 'has a key longer than 64 characters';
    if (typeof value !== 'string') return 'has a value that is not a string';
    if (value.length > 512) return 'has a value longer than 512 characters';
    if (/\p{Cc}/u.test(value)) return 'has a value with control characters';
  }
  return undefined;
}
