import { chatCompletions, GatewayError, hasOversizeTool, type InferenceCallHead, maxToolBytes } from '#libs/contracts';
import { readJson } from '../json/read-json.js';
import { validate } from './request-validation.js';

/** A chat completion request that was read and checked; the body goes on byte for byte. */
export interface ChatRequest {
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Whichever of the two parameters was sent. */
  readonly outputLimit: { readonly param: string; readonly tokens: number } | undefined;
  /** How many answers are asked for. */
  readonly choices: number;
  /** As parsed and checked, for measuring; not kept while the request runs. */
  readonly messages: unknown;
  readonly body: Buffer;
  readonly spans: InferenceCallHead['spans'];
}

/** Reads the raw body of `POST /v1/chat/completions`; throws a `GatewayError`. */
export function readChatRequest(raw: unknown): ChatRequest {
  if (!Buffer.isBuffer(raw)) {
    throw new GatewayError('unsupported_media_type', 'Send the body as JSON with `Content-Type: application/json`.');
  }
  const { value, bytes, modelSpan, streamOptionsSpan } = readJson(raw);
  const { model, stream } = validate(chatCompletions, value);
  if (bytes.length > maxToolBytes && hasOversizeTool(value['tools'])) {
    const message = `A tool is larger than ${maxToolBytes} bytes. Shorten its schema.`;
    throw new GatewayError('invalid_value', message, { param: 'tools' });
  }
  if (!modelSpan) throw new GatewayError('internal_error', 'The scan missed the model.');
  return {
    model,
    stream: stream === true,
    includeUsage: asksForUsage(value['stream_options']),
    outputLimit: outputLimitOf(value),
    choices: typeof value['n'] === 'number' ? value['n'] : 1,
    messages: value['messages'],
    body: bytes,
    spans: { model: modelSpan, ...(streamOptionsSpan && { streamOptions: streamOptionsSpan }) },
  };
}

function asksForUsage(streamOptions: unknown): boolean {
  if (typeof streamOptions !== 'object' || streamOptions === null) return false;
  return 'include_usage' in streamOptions && streamOptions.include_usage === true;
}

function outputLimitOf(value: Record<string, unknown>): ChatRequest['outputLimit'] {
  const { max_completion_tokens: newer, max_tokens: older } = value;
  if (typeof newer === 'number' && typeof older === 'number') {
    // Both would go upstream, and money is held for one: which of them counts is not ours to guess.
    const message = 'Send one of `max_completion_tokens` and `max_tokens`, not both.';
    throw new GatewayError('invalid_value', message, { param: 'max_tokens' });
  }
  if (typeof newer === 'number') return { param: 'max_completion_tokens', tokens: newer };
  return typeof older === 'number' ? { param: 'max_tokens', tokens: older } : undefined;
}
