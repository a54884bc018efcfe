/** Tokens that OpenAI's image models make of one image (docs, "Image generation": cost and latency), by quality. */
const byQuality = { low: 0, medium: 1, high: 2 } as const;
const squareTokens = [272, 1_056, 4_160] as const;
const longTokens = [408, 1_584, 6_240] as const;
const tokensBySize = new Map<string, typeof squareTokens | typeof longTokens>([
  ['1024x1024', squareTokens],
  ['1024x1536', longTokens],
  ['1536x1024', longTokens],
]);
/** A preview of a stream. */
const partialImageTokens = 100;
/** An image that is read, at the highest fidelity. */
const readImageTokens = 7_000;

/** What of an image's cost its request says. */
export interface ImageAsked {
  readonly n: number;
  readonly size: string;
  readonly quality: string;
  readonly partialImages: number;
  readonly imagesRead: number;
}

/** Upper bound of the tokens drawn. */
export function mostDrawnTokens({ n, size, quality, partialImages }: ImageAsked): number {
  const perImage = tokensBySize.get(size)?.[qualityIndex(quality, 2)] ?? longTokens[2];
  return n * (perImage + partialImages * partialImageTokens);
}

/** About so many; where the model decides, of medium quality. */
export function likelyDrawnTokens({ n, size, quality }: ImageAsked): number {
  return n * (tokensBySize.get(size) ?? squareTokens)[qualityIndex(quality, 1)];
}

/** Upper bound of the tokens that the images of a request are read as. */
export function mostReadTokens({ imagesRead }: ImageAsked): number {
  return imagesRead * readImageTokens;
}

function qualityIndex(quality: string, open: 1 | 2): 0 | 1 | 2 {
  return Object.hasOwn(byQuality, quality) ? byQuality[quality as keyof typeof byQuality] : open;
}
