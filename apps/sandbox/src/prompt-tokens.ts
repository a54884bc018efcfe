import type { ChatRequest } from './chat-request.js';
import { inspectMedia, type MediaInfo } from './media-info.js';
import type { Tokenizer } from './token-count.js';

// OpenAI's cookbook, "How to count tokens": three tokens frame a message, three more prime the answer.
const tokensPerMessage = 3;
const tokensPerName = 1;
const primingTokens = 3;
const tokensPerTool = 8;

// OpenAI's vision guide: a base price, and 170 for each tile of 512 pixels after scaling to fit 2048 and 768.
const imageBaseTokens = 85;
const tokensPerTile = 170;
const audioTokensPerSecond = 10;
const compressedBytesPerSecond = 16_000;
const bytesPerFileToken = 4;

export interface PromptTokens {
  readonly total: number;
  readonly image: number;
  readonly audio: number;
}

/** Counts a prompt as OpenAI would charge it. */
export function countPrompt(chat: ChatRequest, tokenizer: Tokenizer): PromptTokens {
  let text = primingTokens;
  let image = 0;
  let audio = 0;
  for (const message of chat.messages) {
    text += tokensPerMessage + tokenizer.count(message.role) + tokenizer.count(message.text);
    if (message.name !== undefined) text += tokensPerName + tokenizer.count(message.name);
    for (const call of message.calls)
      text += tokensPerMessage + tokenizer.count(call.name) + tokenizer.count(call.arguments);
    for (const part of message.media) {
      const info = inspectMedia(part);
      if (info.kind === 'image') image += imageTokens(info, part.note);
      else if (info.kind === 'audio') audio += audioTokens(info);
      else text += Math.ceil((info.bytes ?? 0) / bytesPerFileToken);
    }
  }
  for (const tool of chat.tools) text += tokensPerTool + tokenizer.count(JSON.stringify(tool.definition));
  if (chat.format.type === 'json_schema') text += tokenizer.count(JSON.stringify(chat.format.schema));
  return { total: text + image + audio, image, audio };
}

function imageTokens(info: MediaInfo, detail: string | undefined): number {
  if (detail === 'low' || info.image === undefined) return imageBaseTokens;
  const { width, height } = info.image;
  const toSquare = Math.min(1, 2048 / Math.max(width, height, 1));
  const toShortSide = Math.min(1, 768 / Math.max(1, Math.min(width, height) * toSquare));
  const scale = toSquare * toShortSide;
  const tiles = Math.ceil((width * scale) / 512) * Math.ceil((height * scale) / 512);
  return imageBaseTokens + tokensPerTile * Math.max(1, tiles);
}

function audioTokens(info: MediaInfo): number {
  const seconds = info.seconds ?? (info.bytes ?? 0) / compressedBytesPerSecond;
  return Math.max(1, Math.ceil(seconds * audioTokensPerSecond));
}
