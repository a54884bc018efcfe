import type { JsonObject } from '../json.js';
import type { ReadForm } from '../http/read-form.js';
import { WireError } from '../wire-error.js';
import { type ImageFormat, imageFormats } from './encode-picture.js';

/** What is drawn, as the request says. */
export interface ImageRequest {
  readonly model: string;
  readonly prompt: string;
  readonly n: number;
  readonly width: number;
  readonly height: number;
  /** As OpenAI's answer repeats it. */
  readonly size: string;
  readonly quality: string;
  readonly format: ImageFormat;
  readonly compression: number;
  readonly responseFormat: 'url' | 'b64_json';
  readonly background: string;
  readonly stream: boolean;
  readonly partialImages: number;
  /** Uploaded pictures: of an edit or a variation. */
  readonly images: readonly Buffer[];
}

const largestSide = 4_096;

type Read = (name: string) => unknown;

/** From JSON. */
export function imageRequestOf(body: JsonObject): ImageRequest {
  return read((name) => body[name], jsonImages(body));
}

/** From a form. */
export function imageRequestOfForm(form: ReadForm): ImageRequest {
  const images = form.files.filter(({ name }) => name === 'image').map(({ bytes }) => bytes);
  return read((name) => form.field(name), images);
}

/** `images: [{image_url: "data:…"}]` of an edit in JSON; nothing is ever fetched. */
function jsonImages({ images }: JsonObject): Buffer[] {
  if (!Array.isArray(images)) return [];
  return images.map((image: unknown) => {
    const url = (image as { image_url?: unknown } | null)?.image_url;
    const match = typeof url === 'string' ? /^data:image\/[\w.+-]+;base64,/.exec(url.slice(0, 100)) : null;
    if (typeof url !== 'string' || !match) throw wrong('images', 'must hold data URLs: the sandbox fetches nothing');
    return Buffer.from(url.slice(match[0].length), 'base64');
  });
}

function read(field: Read, images: readonly Buffer[]): ImageRequest {
  const asked = textOf(field('size')) ?? 'auto';
  const size = asked === 'auto' ? '1024x1024' : asked;
  const [, width, height] = (/^(\d{1,4})x(\d{1,4})$/.exec(size) ?? []).map(Number);
  if (!width || !height || width > largestSide || height > largestSide)
    throw wrong('size', 'must be such as 1024x1024');
  const format = imageFormats.find((each) => each === (textOf(field('output_format')) ?? 'png'));
  if (!format) throw wrong('output_format', `must be one of ${imageFormats.join(', ')}`);
  const background = textOf(field('background')) ?? 'opaque';
  if (background === 'transparent' && format === 'jpeg') {
    throw wrong('background', 'cannot be transparent in a JPEG: ask for png or webp');
  }
  const stream = String(field('stream')) === 'true';
  const n = integer(field('n'), 1, 'n', [1, 10]);
  if (stream && n > 1) throw wrong('n', 'must be 1 together with `stream`');
  return {
    model: textOf(field('model')) ?? '',
    prompt: textOf(field('prompt')) ?? '',
    n,
    width,
    height,
    size,
    quality: textOf(field('quality')) ?? 'auto',
    format,
    compression: integer(field('output_compression'), 100, 'output_compression', [0, 100]),
    responseFormat: textOf(field('response_format')) === 'url' ? 'url' : 'b64_json',
    background,
    stream,
    partialImages: integer(field('partial_images'), 0, 'partial_images', [0, 3]),
    images,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function integer(value: unknown, usual: number, param: string, [least, most]: [number, number]): number {
  if (value === undefined || value === null || value === '') return usual;
  const number = Number(value);
  if (!Number.isInteger(number) || number < least || number > most) {
    throw wrong(param, `must be a whole number from ${least} to ${most}`);
  }
  return number;
}

export function wrong(param: string, what: string): WireError {
  return new WireError(400, { message: `Invalid '${param}': it ${what}.`, param, code: 'invalid_value' });
}
