import type { Usage } from '#libs/contracts';

/** More tokens than any call can have; a provider that says so is not believed. */
const maxTokens = 1_000_000_000;

/**
 * Our units of what a provider reported (OpenAI's `CompletionUsage`), or undefined when it is not to be believed:
 * negative, fractional, huge, not numbers, or no prompt at all, which no call has. Details that exceed their whole are clamped to it.
 */
export function usageOf(reported: unknown): Usage | undefined {
  if (typeof reported !== 'object' || reported === null) return undefined;
  const usage = reported as Record<string, unknown>;
  const prompt = tokens(usage['prompt_tokens']);
  if (prompt === undefined || prompt === 0) return undefined;
  // Absent where nothing was generated.
  const completion = usage['completion_tokens'] == null ? 0 : tokens(usage['completion_tokens']);
  if (completion === undefined) return undefined;

  const cached = Math.min(detail(usage['prompt_tokens_details'], 'cached_tokens') ?? 0, prompt);
  const reasoning = detail(usage['completion_tokens_details'], 'reasoning_tokens') ?? 0;
  // xAI counts reasoning beside the completion, everyone else within it; the total tells.
  const beside = reasoning > 0 && usage['total_tokens'] === prompt + completion + reasoning;
  const within = Math.min(reasoning, completion);
  return {
    input: prompt - cached,
    ...(cached > 0 && { input_cached: cached }),
    output: beside ? completion : completion - within,
    ...(reasoning > 0 && { reasoning: beside ? reasoning : within }),
  };
}

/** Something was generated; whoever reports nothing for text that was delivered is not believed either. */
export function hasOutput({ output = 0, reasoning = 0 }: Usage): boolean {
  return output + reasoning > 0;
}

function tokens(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= maxTokens ? value : undefined;
}

function detail(details: unknown, name: string): number | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  return tokens((details as Record<string, unknown>)[name]);
}
