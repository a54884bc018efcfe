import type { Usage } from '#libs/contracts';

/** More tokens than any call can have; a provider that says so is not believed. */
const maxTokens = 1_000_000_000;

/**
 * Our units of an image answer's `usage` (OpenAI's `ImageGenUsage`), or undefined when it is absent or not to be
 * believed. Without details the prompt is text and the output is images, as they are where nobody says otherwise.
 */
export function imageUsageOf(reported: unknown): Usage | undefined {
  const usage = recordOf(reported);
  const prompt = tokens(usage?.['input_tokens']);
  const made = tokens(usage?.['output_tokens']);
  // No image is made of nothing: zeros are how some servers write "not counted".
  if (!usage || prompt === undefined || made === undefined || made === 0) return undefined;
  const imagesIn = Math.min(detail(usage['input_tokens_details'], 'image_tokens'), prompt);
  const textOut = Math.min(detail(usage['output_tokens_details'], 'text_tokens'), made);
  return {
    input: prompt - imagesIn,
    ...(imagesIn > 0 && { input_image: imagesIn }),
    ...(textOut > 0 && { output: textOut }),
    output_image: made - textOut,
  };
}

/** OpenAI's `ImageGenUsage` of our units; zeros where a vendor reported nothing, since events must have it. */
export function openAiImageUsage(usage: Usage = {}) {
  const { input = 0, input_cached: cached = 0, input_image: imagesIn = 0 } = usage;
  const { output = 0, reasoning = 0, output_image: imagesOut = 0 } = usage;
  const [prompt, made] = [input + cached + imagesIn, output + reasoning + imagesOut];
  return {
    total_tokens: prompt + made,
    input_tokens: prompt,
    output_tokens: made,
    input_tokens_details: { text_tokens: input + cached, image_tokens: imagesIn },
    output_tokens_details: { text_tokens: output + reasoning, image_tokens: imagesOut },
  };
}

function tokens(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= maxTokens ? value : undefined;
}

function detail(details: unknown, name: string): number {
  return tokens(recordOf(details)?.[name]) ?? 0;
}

function recordOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}
