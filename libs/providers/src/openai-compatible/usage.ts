import type { Usage, UsageUnit } from '#libs/contracts';

/** More tokens than any call can have; a provider that says so is not believed. */
const maxTokens = 1_000_000_000;

/**
 * Our units of what a provider reported (OpenAI's `CompletionUsage`), or undefined when it is not to be believed:
 * negative, fractional, huge, not numbers, or no prompt at all, which no call has. Details that exceed their whole are
 * clamped to it, in the order of the units below: a cached token of audio is cached.
 */
export function usageOf(reported: unknown): Usage | undefined {
  if (typeof reported !== 'object' || reported === null) return undefined;
  const usage = reported as Record<string, unknown>;
  const prompt = tokens(usage['prompt_tokens']);
  if (prompt === undefined || prompt === 0) return undefined;
  // Absent where nothing was generated.
  const completion = usage['completion_tokens'] == null ? 0 : tokens(usage['completion_tokens']);
  if (completion === undefined) return undefined;

  const promptDetails = usage['prompt_tokens_details'];
  const completionDetails = usage['completion_tokens_details'];
  const reasoning = detail(completionDetails, 'reasoning_tokens') ?? 0;
  // xAI counts reasoning beside the completion, everyone else within it; the total tells.
  const beside = reasoning > 0 && usage['total_tokens'] === prompt + completion + reasoning;
  const [input, fromPrompt] = split(prompt, {
    input_cached: detail(promptDetails, 'cached_tokens'),
    input_audio: detail(promptDetails, 'audio_tokens'),
    input_image: detail(promptDetails, 'image_tokens'),
  });
  const [output, fromCompletion] = split(completion, {
    ...(!beside && { reasoning }),
    output_audio: detail(completionDetails, 'audio_tokens'),
    output_image: detail(completionDetails, 'image_tokens'),
  });
  return { input, ...fromPrompt, output, ...(beside && { reasoning }), ...fromCompletion };
}

/** What is left of a whole, and its parts. */
function split(whole: number, parts: { readonly [Unit in UsageUnit]?: number | undefined }): [number, Usage] {
  let rest = whole;
  const taken: Usage = {};
  for (const [unit, asked] of Object.entries(parts) as [UsageUnit, number | undefined][]) {
    const part = Math.min(asked ?? 0, rest);
    // A detail that is zero says nothing.
    if (part > 0) taken[unit] = part;
    rest -= part;
  }
  return [rest, taken];
}

/** Something was generated; whoever reports nothing for text that was delivered is not believed either. */
export function hasOutput({
  output = 0,
  reasoning = 0,
  output_audio: audio = 0,
  output_image: image = 0,
}: Usage): boolean {
  return output + reasoning + audio + image > 0;
}

function tokens(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= maxTokens ? value : undefined;
}

function detail(details: unknown, name: string): number | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  return tokens((details as Record<string, unknown>)[name]);
}
