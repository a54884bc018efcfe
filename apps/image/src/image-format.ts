import type { Sharp } from 'sharp';
import { GatewayError } from '#libs/contracts';
import type { MediaBytes } from '#libs/providers';

let loading: ReturnType<typeof loadSharp> | undefined;

/** Loaded when first needed: its libraries take time and memory, and most gateways never convert an image. */
async function loadSharp() {
  const { default: sharp } = await import('sharp');
  // Images are seen once: a cache would only hold memory. Calls run beside each other already.
  sharp.cache(false);
  sharp.concurrency(1);
  return sharp;
}

/** A bomb of a few kilobytes unpacks to more. */
const maxPixels = 100_000_000;

const formats = ['png', 'jpeg', 'webp'] as const;
type Format = (typeof formats)[number];

/** How the caller wants the file. */
export interface AskedFormat {
  /** Undefined: as the model made it. */
  readonly format: string | undefined;
  /** 0 to 100; of JPEG and WebP. */
  readonly compression: number | undefined;
}

/** The image in the format that was asked for; one that OpenAI's clients do not know becomes PNG. */
export async function inFormat<Image extends MediaBytes>(image: Image, asked: AskedFormat): Promise<Image> {
  const own = image.contentType.replace('image/', '');
  const wanted = asked.format ?? (isFormat(own) ? own : 'png');
  if (!isFormat(wanted)) {
    const message = `The format must be one of ${formats.join(', ')}.`;
    throw new GatewayError('invalid_value', message, { param: 'output_format' });
  }
  if (wanted === own && asked.compression === undefined) return image;
  const quality = asked.compression === undefined ? {} : { quality: Math.max(1, asked.compression) };
  const opened = await open(image.bytes);
  const bytes = await opened.toFormat(wanted, wanted === 'png' ? {} : quality).toBuffer();
  return { ...image, bytes, contentType: `image/${wanted}` };
}

/** Width times height. */
export async function pixelsOf(bytes: Uint8Array): Promise<number> {
  const { width, height } = await (await open(bytes)).metadata();
  return width * height;
}

/** Width and height by the header, as OpenAI writes them; undefined: these bytes are no image. */
export async function sizeInHeader(bytes: Uint8Array): Promise<string | undefined> {
  const opened = await open(bytes);
  return opened.metadata().then(
    ({ width, height }) => `${width}x${height}`,
    () => undefined,
  );
}

/**
 * OpenAI's masks are transparent where the image is to change; vendors want that painted in one colour and the rest in
 * the other.
 */
export async function paintedMask({ bytes }: MediaBytes, changes: 'white' | 'black'): Promise<MediaBytes> {
  const mask = await open(bytes);
  const { hasAlpha } = await mask.metadata();
  if (!hasAlpha) {
    const message = 'The mask has no transparent part. Make transparent what is to change.';
    throw new GatewayError('invalid_image', message, { param: 'mask' });
  }
  const kept = mask.extractChannel('alpha').toColourspace('b-w');
  const painted = await (changes === 'white' ? kept.negate() : kept).png().toBuffer();
  return { bytes: painted, contentType: 'image/png' };
}

async function open(bytes: Uint8Array): Promise<Sharp> {
  const sharp = await (loading ??= loadSharp());
  return sharp(bytes, { limitInputPixels: maxPixels, sequentialRead: true });
}

function isFormat(text: string): text is Format {
  return (formats as readonly string[]).includes(text);
}
