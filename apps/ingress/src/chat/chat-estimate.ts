import type { Usage } from '#libs/contracts';
import type { Delivered, ModelLimits } from '../inference/intake.js';

const bytesPerToken = 4;

/** Tokens of a chat whose answer broke off without a report: the prompt by its text, the answer by what came of it. */
export function chatEstimate(body: Buffer, delivered: Delivered, { contextTokens }: ModelLimits): Usage {
  const prompt = Math.ceil(promptCharacters(body) / bytesPerToken);
  const input = Math.min(prompt, contextTokens ?? prompt);
  const output = delivered.events || Math.ceil(delivered.bytes / bytesPerToken);
  return { input, output };
}

/** Inline images and audio count nothing: their base64 says nothing of their tokens. */
function promptCharacters(body: Buffer): number {
  const { messages, tools } = JSON.parse(body.toString()) as Record<string, unknown>;
  const pending: unknown[] = [messages, tools];
  let characters = 0;
  while (pending.length > 0) {
    const node = pending.pop();
    if (typeof node === 'string') characters += isInlineMedia(node) ? 0 : node.length;
    else if (typeof node === 'object' && node !== null) for (const child of Object.values(node)) pending.push(child);
  }
  return characters;
}

function isInlineMedia(text: string): boolean {
  return text.startsWith('data:') || (text.length > 1_024 && /^[\w+/=-]+$/.test(text));
}
