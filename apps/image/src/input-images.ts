import { GatewayError, type RequestForm } from '#libs/contracts';
import type { AttemptSource } from '#libs/inference';
import type { MediaBytes } from '#libs/providers';
import type { ImageParts } from './image-parts.js';

/** A URL's image is of this size at most, and so much is set aside for it before it comes. */
const remoteBytes = 20 * 1024 * 1024;

/** The images of an edit or a variation, whole in memory. */
export interface InputImages {
  readonly images: readonly MediaBytes[];
  readonly mask: MediaBytes | undefined;
}

/** Reads the images of a call for a vendor that takes no stream, and gives their memory back after `use`. */
export async function withInputImages<Result>(
  source: AttemptSource,
  parts: ImageParts,
  use: (inputs: InputImages) => Promise<Result>,
): Promise<Result> {
  const { form } = source.head;
  const taken: (() => void)[] = [];
  const take = (bytes: number) => {
    taken.push(parts.memory.take(bytes));
  };
  try {
    return await use(await (form ? ofForm(source, form, take) : ofJson(source, parts, take)));
  } finally {
    for (const giveBack of taken) giveBack();
  }
}

async function ofForm({ call }: AttemptSource, form: RequestForm, take: (bytes: number) => void): Promise<InputImages> {
  take(call.bodyBytes);
  const all = Buffer.allocUnsafe(call.bodyBytes);
  let at = 0;
  for await (const chunk of call.openBody()) at += (chunk as Buffer).copy(all, at);
  if (at < all.length) throw new GatewayError('upload_space_exhausted', 'The upload was lost on its way. Retry.');
  const images: MediaBytes[] = [];
  let mask: MediaBytes | undefined;
  let start = 0;
  for (const { name, bytes, contentType } of form.files) {
    const file = { bytes: all.subarray(start, start + bytes), contentType };
    start += bytes;
    if (name === 'mask') mask = file;
    else images.push(file);
  }
  return { images, mask };
}

async function ofJson(
  { call }: AttemptSource,
  { remote, memory }: ImageParts,
  take: (bytes: number) => void,
): Promise<InputImages> {
  take(call.body.length);
  const asked = JSON.parse(Buffer.from(call.body).toString()) as { images?: unknown; mask?: unknown };
  const load = async (reference: unknown, param: string): Promise<MediaBytes> => {
    const url = (reference as { image_url?: unknown } | null)?.image_url;
    if (typeof url !== 'string') {
      throw new GatewayError('invalid_image', `Give \`${param}.image_url\`: a URL, or the image as a data URL.`, {
        param,
      });
    }
    if (url.startsWith('data:')) return remote.input(url, `${param}.image_url`, call.signal);
    const giveBack = memory.take(remoteBytes);
    try {
      return await remote.input(url, `${param}.image_url`, call.signal);
    } finally {
      giveBack();
    }
  };
  const keep = (image: MediaBytes) => {
    take(image.bytes.length);
    return image;
  };
  const images: MediaBytes[] = [];
  for (const [index, reference] of (Array.isArray(asked.images) ? (asked.images as unknown[]) : []).entries()) {
    images.push(keep(await load(reference, `images[${index}]`)));
  }
  return { images, mask: asked.mask == null ? undefined : keep(await load(asked.mask, 'mask')) };
}
