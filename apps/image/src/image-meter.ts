import { imageUnitOf, imageVariantOf, priceOfWire } from '#libs/catalog';
import type { ImageVariant, RequestFacts, Usage, WirePrice } from '#libs/contracts';
import { countText, type MeteredUsage } from '#libs/inference';

/** What was made, as far as it is known. */
export interface MadeImages {
  readonly images: number;
  /** As the provider says; undefined: as asked. */
  readonly size?: string | undefined;
  readonly quality?: string | undefined;
  /** Reported tokens. */
  readonly tokens?: Usage | undefined;
  /** Of all images; undefined: nobody looked. */
  readonly pixels?: number | undefined;
}

/** What the call was, and what it costs. */
export interface MeterTerms {
  readonly price: WirePrice;
  readonly facts: RequestFacts;
  /** Looked for only where it must be counted. */
  readonly prompt: () => string;
}

/** Tokens of one square image of OpenAI's first image model (its "Image generation" guide); others are half as much more. */
const squareTokens: Readonly<Record<string, number>> = { low: 272, medium: 1056, high: 4160 };

/**
 * Usage of images in every way that a price may count them; which one is charged, the price decides. Of a price by
 * tokens whose provider reported none, the tokens are estimated: an image is never free for want of a report.
 */
export async function meteredImages(made: MadeImages, terms: MeterTerms): Promise<MeteredUsage> {
  const { price, facts, prompt } = terms;
  if (made.tokens) return { usage: reportedImages(made, terms), source: 'provider' };
  // A stream that broke off before its first whole image is no charge.
  if (made.images === 0) return { usage: {}, source: 'none' };
  const counted = countedImages(made, terms);
  if (!isByTokens(price) || isByPiece(price)) return { usage: counted, source: 'counted' };
  const each = (squareTokens[qualityOf(made, facts) ?? ''] ?? 4160) * (isSquare(sizeOf(made, facts)) ? 1 : 1.5);
  const { tokens: input } = await countText(prompt());
  return { usage: { ...counted, input, output_image: Math.ceil(each) * made.images }, source: 'estimated' };
}

/** Three times what the dearest image of any model takes, with its partial images. */
const mostTokensOfImage = 20_000;
/** Images that an edit may have, read at full detail, and what a provider may put around a prompt. */
const mostTokensRead = 16 * mostTokensOfImage + 1_000;

/** The tokens that a provider reported, if they can be true of so many images and such a prompt; else undefined. */
export function believedTokens(tokens: Usage | undefined, images: number, prompt: () => string): Usage | undefined {
  if (!tokens) return undefined;
  const { input = 0, input_cached: cached = 0, input_image: seen = 0 } = tokens;
  const { output = 0, reasoning = 0, output_image: drawn = 0 } = tokens;
  const made = output + reasoning + drawn;
  const read = input + cached + seen;
  // The prompt is looked for only where it decides.
  const canBeRead = read <= mostTokensRead || read <= mostTokensRead + Buffer.byteLength(prompt());
  return canBeRead && made <= Math.max(1, images) * mostTokensOfImage ? tokens : undefined;
}

/** Who makes more than was asked for does it at his own cost. */
export function chargedImages(images: number, { n }: RequestFacts): number {
  return typeof n === 'number' ? Math.min(images, n) : images;
}

/** Usage of images whose provider reported tokens. */
export function reportedImages(made: MadeImages, { price, facts }: Omit<MeterTerms, 'prompt'>): Usage {
  const { tokens = {} } = made;
  // Of a price by both, the report of tokens is the finer one; to count both would charge the image twice.
  if (isByTokens(price) && isByPiece(price)) return tokens;
  return { ...countedImages(made, { price, facts }), ...chargeable(tokens, price) };
}

function countedImages(made: MadeImages, terms: Omit<MeterTerms, 'prompt'>): Usage {
  if (made.images === 0) return {};
  return { [variantOf(made, terms)]: made.images, ...(made.pixels !== undefined && { pixels: made.pixels }) };
}

/** As made; as asked where the price knows no such image; else the dearest that it knows: no image is free. */
function variantOf(made: MadeImages, { price, facts }: Omit<MeterTerms, 'prompt'>): ImageVariant {
  const known = priceOfWire(price);
  const told = { size: sizeOf(made, facts), quality: qualityOf(made, facts) };
  const asked = { size: factOf(facts, 'size'), quality: factOf(facts, 'quality') };
  const dearest = { size: undefined, quality: undefined };
  const priced = [told, asked, dearest].find((variant) => imageUnitOf(known, variant) !== undefined);
  return imageVariantOf(priced ?? told);
}

function sizeOf(made: MadeImages, facts: RequestFacts): string | undefined {
  return made.size ?? factOf(facts, 'size');
}

function qualityOf(made: MadeImages, facts: RequestFacts): string | undefined {
  return made.quality ?? factOf(facts, 'quality');
}

/** As held for a size that the model chooses. */
const mostPixels = 4_194_304;

/** Pixels of images that passed by, and of which only the provider's word is known: at most what was asked or held for. */
export function claimedPixels(made: MadeImages, facts: RequestFacts): number | undefined {
  const asked = pixelsBySize({ images: made.images }, facts);
  const claimed = pixelsBySize(made, facts);
  return claimed && Math.min(claimed, asked ?? made.images * mostPixels);
}

/** Pixels of a price by megapixels, where their number is told by the size alone. */
export function pixelsBySize({ images, size }: MadeImages, facts: RequestFacts): number | undefined {
  const known = size ?? factOf(facts, 'size');
  const [width, height] = /^\d+x\d+$/.test(known ?? '') ? (known ?? '').split('x').map(Number) : [];
  return width && height ? width * height * images : undefined;
}

export function isByPixels(price: WirePrice): boolean {
  return price.pixels !== undefined;
}

/** A price by the piece pays for the output in pieces: its tokens are on no bill. */
function chargeable(tokens: Usage, price: WirePrice): Usage {
  if (isByTokens(price) || !isByPiece(price)) return tokens;
  const { output: _text, output_image: _images, ...prompt } = tokens;
  return price.input === undefined ? {} : prompt;
}

function isByTokens(price: WirePrice): boolean {
  return price.output_image !== undefined || price.output !== undefined;
}

/** By images or by their pixels. */
export function isByPiece(price: WirePrice): boolean {
  return isByPixels(price) || Object.keys(price).some((unit) => unit === 'images' || unit.startsWith('images:'));
}

function isSquare(size: string | undefined): boolean {
  const [width, height] = (size ?? '').split('x');
  return width === height;
}

function factOf(facts: RequestFacts, name: string): string | undefined {
  const value = facts[name];
  return typeof value === 'string' && value !== 'auto' ? value : undefined;
}
