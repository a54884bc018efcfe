import type { InferenceCallHead, Usage } from '#libs/contracts';
import type { ModelLimits } from '../inference/intake.js';
import { promptMedia } from './prompt-media.js';

/** What of a chat is measured for its hold. */
export interface ChatMeasures {
  readonly stream: boolean;
  /** Whichever of the two parameters was sent. */
  readonly outputLimit: { readonly param: string; readonly tokens: number } | undefined;
  /** How many answers are asked for. */
  readonly choices: number;
  /** As parsed and checked. */
  readonly messages: unknown;
  readonly body: Buffer;
  /** The answer is to be spoken too. */
  readonly speaks: boolean;
}

/** What a chat request may use at most, and what of its output a hold of that size pays for. */
export interface ChatHold {
  readonly largestUsage: Usage;
  readonly hold: NonNullable<InferenceCallHead['hold']>;
}

/** Tokenizers make a token of three to five bytes; parameters and the braces of the JSON are counted too. */
const bytesPerToken = 2;
const mediaTokens = 1_500;
/** A stream is held for this much at first, and asks for more as it goes. */
const streamTokens = 1_024;
/** Of a model whose limit nobody knows. */
const unknownModelTokens = 8_192;

/**
 * Upper bounds of a request's tokens. A stream is held for its beginning; an answer in one piece in full, and one that
 * is spoken: a stream's extensions are by its text. How much of it is sound nobody knows before, so it is held as both.
 */
export function chatHoldOf(chat: ChatMeasures, model: ModelLimits): ChatHold {
  const limit = chat.outputLimit?.tokens ?? model.maxOutputTokens;
  const byPieces = chat.stream && !chat.speaks;
  const perChoice = byPieces ? Math.min(limit ?? streamTokens, streamTokens) : (limit ?? unknownModelTokens);
  const outputTokens = Math.min(perChoice * chat.choices, Number.MAX_SAFE_INTEGER);
  return {
    largestUsage: {
      ...inputTokens(chat, model),
      output: outputTokens,
      ...(chat.speaks && { output_audio: outputTokens }),
    },
    // What the provider itself ends within the hold needs no extension, and must not be cut for want of one.
    hold: { outputTokens, extensible: byPieces && (limit ?? Infinity) > streamTokens },
  };
}

/** By the whole body without what is inside images and the like: nothing has to be walked or decoded for it. */
function inputTokens({ body, messages }: ChatMeasures, { contextTokens, maxOutputTokens }: ModelLimits): Usage {
  const media = promptMedia(messages);
  const bytes = Math.max(0, body.length - media.characters);
  const most = contextTokens ?? Number.MAX_SAFE_INTEGER;
  const input = Math.min(Math.ceil(bytes / bytesPerToken) + media.parts * mediaTokens, most);
  const sound = media.soundTokens + media.spokenAnswers * (maxOutputTokens ?? unknownModelTokens);
  return sound === 0 ? { input } : { input, input_audio: Math.min(sound, most) };
}
