/** Tokens, and how they are known. */
export interface TokenCount {
  readonly tokens: number;
  /** Counted with a tokenizer, not estimated from the size. */
  readonly exact: boolean;
}

/** Counting takes 4 ms at this size, in which every other stream waits. */
const maxCountedLength = 64 * 1024;
const bytesPerToken = 4;
/** A run without a break is merged in quadratic time. */
const longRun = /\S{400}|\s{400}/;
const pieceLength = 400;
/** OpenAI's chat format adds these (OpenAI cookbook, "How to count tokens"). */
const tokensPerMessage = 3;
const tokensPerReply = 3;
/** An image of middle size at full detail. */
const tokensPerImage = 765;

let tokenizer: Promise<(text: string) => number> | undefined;

/** Loaded when first needed: its ranks take 0.2 s and 80 MB, and most providers report usage. */
async function loadTokenizer(): Promise<(text: string) => number> {
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
  // `<|endoftext|>` in a text is text.
  const asText = { disallowedSpecial: new Set<string>() };
  return (text) => countTokens(text, asText);
}

/** Tokens of a text as OpenAI's newer models count them. */
export function countText(text: string): Promise<TokenCount> {
  return countTexts([text]);
}

/** Tokens of a chat request: texts of messages and tools, and a flat price for images. */
export async function countPrompt(body: Uint8Array): Promise<TokenCount> {
  if (body.length > maxCountedLength * 2) return { tokens: Math.ceil(body.length / bytesPerToken), exact: false };
  const { messages, tools } = JSON.parse(Buffer.from(body).toString()) as { messages?: unknown; tools?: unknown };
  const prompt: Prompt = { texts: [], images: 0, others: 0 };
  const list = Array.isArray(messages) ? (messages as unknown[]) : [];
  for (const message of list) collect(message, prompt);
  if (tools !== undefined) prompt.texts.push(JSON.stringify(tools));
  const { tokens, exact } = await countTexts(prompt.texts);
  return {
    tokens: tokens + list.length * tokensPerMessage + tokensPerReply + prompt.images * tokensPerImage,
    exact: exact && prompt.images === 0 && prompt.others === 0,
  };
}

/** Tokens of several texts together. */
export async function countTexts(texts: readonly string[]): Promise<TokenCount> {
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  if (length === 0) return { tokens: 0, exact: true };
  if (length > maxCountedLength) return { tokens: Math.ceil(length / bytesPerToken), exact: false };
  const count = await (tokenizer ??= loadTokenizer());
  let tokens = 0;
  for (const text of texts) {
    const piece = longRun.test(text) ? pieceLength : Math.max(1, text.length);
    for (let start = 0; start < text.length; start += piece) tokens += count(text.slice(start, start + piece));
  }
  return { tokens, exact: true };
}

interface Prompt {
  readonly texts: string[];
  images: number;
  /** Parts whose tokens nobody but the provider knows: audio, files. */
  others: number;
}

function collect(message: unknown, prompt: Prompt): void {
  if (typeof message !== 'object' || message === null) return;
  const { content, role, name, tool_calls: toolCalls } = message as Record<string, unknown>;
  for (const text of [role, name, content]) if (typeof text === 'string') prompt.texts.push(text);
  if (toolCalls !== undefined) prompt.texts.push(JSON.stringify(toolCalls));
  if (!Array.isArray(content)) return;
  for (const part of content as Record<string, unknown>[]) {
    if (typeof part?.['text'] === 'string') prompt.texts.push(part['text']);
    else if (part?.['type'] === 'image_url') prompt.images++;
    else prompt.others++;
  }
}
