import type { Model } from '#libs/catalog';
import type { InferenceCallHead, Usage } from '#libs/contracts';
import type { ChatRequest } from './chat-request.js';
import { promptMedia } from './prompt-media.js';

/** What a chat request may use at most, and what of its output a hold of that size pays for. */
export interface ChatHold {
  readonly largestUsage: Usage;
  readonly hold: NonNullable<InferenceCallHead['hold']>;
}

type Measured = Pick<ChatRequest, 'body' | 'choices' | 'messages' | 'outputLimit' | 'stream'>;

/** Tokenizers make a token of three to five bytes; parameters and the braces of the JSON are counted too. */
const bytesPerToken = 2;
const mediaTokens = 1_500;
/** A stream is held for this much at first, and asks for more as it goes. */
const streamTokens = 1_024;
/** Of a model whose limit nobody knows. */
const unknownModelTokens = 8_192;

/** Upper bounds of a request's tokens. A stream is held for its beginning; an answer in one piece in full. */
export function chatHoldOf(chat: Measured, model: Pick<Model, 'contextTokens' | 'maxOutputTokens'>): ChatHold {
  const limit = chat.outputLimit?.tokens ?? model.maxOutputTokens;
  const perChoice = chat.stream ? Math.min(limit ?? streamTokens, streamTokens) : (limit ?? unknownModelTokens);
  const outputTokens = Math.min(perChoice * chat.choices, Number.MAX_SAFE_INTEGER);
  return {
    largestUsage: { input: inputTokens(chat, model.contextTokens), output: outputTokens },
    // What the provider itself ends within the hold needs no extension, and must not be cut for want of one.
    hold: { outputTokens, extensible: chat.stream && (limit ?? Infinity) > streamTokens },
  };
}

/** By the whole body without what is inside images and the like: nothing has to be walked or decoded for it. */
function inputTokens({ body, messages }: Measured, contextTokens: number | null): number {
  const media = promptMedia(messages);
  const bytes = Math.max(0, body.length - media.characters);
  const tokens = Math.ceil(bytes / bytesPerToken) + media.parts * mediaTokens;
  return contextTokens === null ? tokens : Math.min(tokens, contextTokens);
}
