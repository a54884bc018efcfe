import type { Usage } from '#libs/contracts';
import { type AttemptEnd, countPrompt, countText, type MeteredUsage, type TokenCount } from '#libs/inference';
import type { DeliveredText } from '#libs/providers';

/** What of an attempt its usage is told by. */
interface AnsweredAttempt {
  /** Content went to the caller. */
  readonly delivered: boolean;
  /** The caller left, and the rest was read without it. */
  readonly drained: boolean;
  /** As the provider reported it. */
  readonly usage: Usage | undefined;
  readonly text: DeliveredText | undefined;
}

/**
 * What is charged for an upstream call (the published table): the provider's report where there is one; counted from
 * prompt and text where content went out without a report; nothing where nothing went out. After the caller left, what
 * a provider went on to generate counts as if it had gone out, where the caller pays for that.
 */
export async function usageOfAttempt(
  attempt: AnsweredAttempt,
  end: AttemptEnd,
  body: Uint8Array,
): Promise<MeteredUsage> {
  const drained = attempt.drained && (attempt.usage !== undefined || attempt.text?.isEmpty === false);
  const charged = attempt.delivered || drained || end.outcome === 'done';
  if (!charged) return { usage: {}, source: 'none' };
  if (attempt.usage) return { usage: attempt.usage, source: 'provider' };
  const [input, output] = await Promise.all([countPrompt(body), countAnswer(attempt)]);
  const usage: Usage = { input: input.tokens, output: output.tokens };
  return { usage, source: input.exact && output.exact ? 'counted' : 'estimated' };
}

async function countAnswer({ text }: AnsweredAttempt): Promise<TokenCount> {
  if (!text) return { tokens: 0, exact: true };
  const kept = await countText(text.toString());
  const { audioTokens } = text;
  if (text.complete) return { tokens: kept.tokens + audioTokens, exact: kept.exact && audioTokens === 0 };
  // Beyond what is kept: as many tokens per byte as in the part that is.
  const whole = Math.ceil((kept.tokens * text.totalBytes) / Math.max(1, text.keptBytes));
  return { tokens: whole + audioTokens, exact: false };
}
