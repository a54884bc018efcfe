import { namedInBandError } from '#libs/inference';
import type { GatewayError, Usage } from '#libs/contracts';
import { openAiImageUsage } from '#libs/providers';

/** One image, ready for an answer. */
export interface RenderedImage {
  /** In base64, or at a URL. */
  readonly b64?: Buffer | string;
  readonly url?: string;
  readonly revisedPrompt?: string | undefined;
}

/** What an answer says of its images. */
export interface ImageDetails {
  readonly outputFormat: string | undefined;
  readonly size: string | undefined;
  readonly quality: string | undefined;
  readonly background: string | undefined;
  readonly usage: Usage | undefined;
}

export const jsonType = 'application/json; charset=utf-8';
export const eventsType = 'text/event-stream; charset=utf-8';

/** What OpenAI's schemas allow; anything else is left out, or `auto` where something must stand. */
const told = {
  size: ['1024x1024', '1024x1536', '1536x1024'],
  quality: ['low', 'medium', 'high'],
  background: ['transparent', 'opaque'],
  output_format: ['png', 'webp', 'jpeg'],
} as const;

/** OpenAI's `ImagesResponse`; of base64 in buffers no string is made. */
export function imagesAnswer(images: readonly RenderedImage[], details: ImageDetails): Buffer {
  const pieces: Buffer[] = [Buffer.from(`{"created":${nowSeconds()},"data":[`)];
  for (const [index, { b64, url, revisedPrompt }] of images.entries()) {
    const rest = { ...(url !== undefined && { url }), ...(revisedPrompt && { revised_prompt: revisedPrompt }) };
    const members = JSON.stringify(rest).slice(1, -1);
    pieces.push(Buffer.from(`${index > 0 ? ',' : ''}{`));
    if (b64 !== undefined) pieces.push(Buffer.from('"b64_json":"'), bufferOf(b64), Buffer.from('"'));
    pieces.push(Buffer.from(`${b64 !== undefined && members !== '' ? ',' : ''}${members}}`));
  }
  const { size, quality, background, outputFormat, usage } = details;
  const envelope = {
    ...allowed('size', size),
    ...allowed('quality', quality),
    ...allowed('background', background),
    ...allowed('output_format', outputFormat),
    ...(usage && { usage: openAiImageUsage(usage) }),
  };
  const members = JSON.stringify(envelope).slice(1, -1);
  pieces.push(Buffer.from(`]${members === '' ? '' : ','}${members}}`));
  return Buffer.concat(pieces);
}

/** The stream of whoever makes whole images only: one `completed` event each, the last one with the usage of all. */
export function completedEvents(
  prefix: 'image_generation' | 'image_edit',
  images: readonly RenderedImage[],
  details: ImageDetails,
): Buffer {
  const type = `${prefix}.completed`;
  const common = {
    created_at: nowSeconds(),
    size: 'auto',
    quality: 'auto',
    background: 'auto',
    output_format: 'png',
    ...allowed('size', details.size),
    ...allowed('quality', details.quality),
    ...allowed('background', details.background),
    ...allowed('output_format', details.outputFormat),
  };
  const events = images.flatMap(({ b64 = '' }, index) => {
    // OpenAI's events have no details of the output.
    const all = openAiImageUsage(index === images.length - 1 ? details.usage : {});
    const { output_tokens_details: _output, ...usage } = all;
    const members = JSON.stringify({ ...common, usage }).slice(1);
    const start = `event: ${type}\ndata: {"type":"${type}","b64_json":"`;
    return [Buffer.from(start), bufferOf(b64), Buffer.from(`",${members}\n\n`)];
  });
  return Buffer.concat(events);
}

/** An error within a stream, behind whatever part of an event went out. */
export function errorAfter(isInside: boolean, error: GatewayError, requestId: string): Buffer {
  const event = namedInBandError(error, requestId);
  return isInside ? Buffer.concat([Buffer.from('\n\n'), event]) : event;
}

function allowed(name: keyof typeof told, value: string | undefined): Record<string, string> {
  return value !== undefined && (told[name] as readonly string[]).includes(value) ? { [name]: value } : {};
}

function bufferOf(b64: Buffer | string): Buffer {
  return typeof b64 === 'string' ? Buffer.from(b64, 'latin1') : b64;
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
