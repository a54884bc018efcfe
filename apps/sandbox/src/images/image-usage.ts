import { loadTokenizer } from '../token-count.js';
import type { ImageRequest } from './image-request.js';

/** Output tokens of a square and of a longer picture by quality (OpenAI's guide on image generation). */
const outputTokens: Readonly<Record<string, readonly [square: number, longer: number]>> = {
  low: [272, 408],
  medium: [1_056, 1_584],
  high: [4_160, 6_240],
};
/** Of each picture that is looked at. */
const inputTokensPerImage = 323;

/** OpenAI's `usage` of an image answer. */
export async function imageUsage(request: ImageRequest) {
  const { width, height, quality, n, images } = request;
  const [square, longer] = outputTokens[quality] ?? outputTokens['medium'] ?? [0, 0];
  const text = (await loadTokenizer()).count(request.prompt);
  const looked = images.length * inputTokensPerImage;
  const output = n * (width === height ? square : longer);
  return {
    input_tokens: text + looked,
    input_tokens_details: { text_tokens: text, image_tokens: looked },
    output_tokens: output,
    output_tokens_details: { text_tokens: 0, image_tokens: output },
    total_tokens: text + looked + output,
  };
}
