import type { AttemptFinished, Usage } from '#libs/contracts';
import type { AttemptEnd, ChatAttempt } from './chat-attempt.js';
import { countPrompt, countText, type TokenCount } from './token-count.js';

export interface MeteredUsage {
  readonly usage: Usage;
  readonly source: AttemptFinished['usage_source'];
}

/**
 * What is charged for an upstream call (the published table): the provider's report where there is one; counted from
 * prompt and text where content went out without a report; nothing where nothing went out. After the caller left, what
 * a provider went on to generate counts as if it had gone out, where the caller pays for that.
 */
export async function usageOfAttempt(attempt: ChatAttempt, end: AttemptEnd, body: Uint8Array): Promise<MeteredUsage> {
  const drained = attempt.drained && (attempt.usage !== undefined || (attempt.text?.totalBytes ?? 0) > 0);
  const charged = attempt.delivered || drained || end.outcome === 'done';
  if (!charged) return { usage: {}, source: 'none' };
  if (attempt.usage) return { usage: attempt.usage, source: 'provider' };
  const [input, output] = await Promise.all([countPrompt(body), countAnswer(attempt)]);
  const usage: Usage = { input: input.tokens, output: output.tokens };
  return { usage, source: input.exact && output.exact ? 'counted' : 'estimated' };
}

async function countAnswer({ text }: ChatAttempt): Promise<TokenCount> {
  if (!text) return { tokens: 0, exact: true };
  const kept = await countText(text.toString());
  if (text.complete) return kept;
  // Beyond what is kept: as many tokens per byte as in the part that is.
  return { tokens: Math.ceil((kept.tokens * text.totalBytes) / Math.max(1, text.keptBytes)), exact: false };
}
