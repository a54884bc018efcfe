import { hash } from 'node:crypto';
import type { CallLog } from '../call-log.js';
import { drawPrompt, type Picture } from '../images/draw-prompt.js';
import { encodePicture, readPicture } from '../images/encode-picture.js';
import { type ImageRequest, imageRequestOf, imageRequestOfForm, wrong } from '../images/image-request.js';
import { imageUsage } from '../images/image-usage.js';
import { mediaModel } from '../media-models.js';
import type { HttpCall } from './http-call.js';
import { parseJsonObject, readJsonText } from './read-body.js';
import { readForm } from './read-form.js';
import { eventStream, type MediaAnswer, namedEvent, sendMedia } from './send-media.js';

/** Between two events of a stream, so that it is seen to be one. */
const partDelayMs = 5;
/** Pictures behind `url` answers are kept in the process, the newest of them. */
const keptFiles = 64;

/** `POST /v1/images/generations`, `/edits` and `/variations`, and the files of their `url` answers. */
export class ImagesEndpoint {
  private readonly files = new Map<string, { bytes: Buffer; contentType: string }>();

  constructor(private readonly callLog: CallLog) {}

  async create(call: HttpCall): Promise<void> {
    const isForm = (call.header('content-type') ?? '').startsWith('multipart/');
    const request = isForm
      ? imageRequestOfForm(await readForm(call.request))
      : imageRequestOf(parseJsonObject(await readJsonText(call.request)));
    const { model, stream } = request;
    await sendMedia(call, this.callLog, { model, stream }, async () => {
      const { usage } = mediaModel(model, call.path);
      const kind = call.path.slice(call.path.lastIndexOf('/') + 1);
      refuseIncomplete(request, kind);
      if (stream && usage === 'tokens') return streamed(request, kind);
      return this.whole(request, call, usage === 'tokens');
    });
  }

  /** `GET /v1/images/files/<name>`. */
  show(call: HttpCall): void {
    const file = this.files.get(call.path.slice(call.path.lastIndexOf('/') + 1));
    if (!file) {
      call.sendJson(404, JSON.stringify({ error: { message: 'No such file.', type: 'invalid_request_error' } }));
      return;
    }
    call.response.writeHead(200, { 'content-type': file.contentType, 'content-length': file.bytes.length });
    call.response.end(file.bytes);
  }

  private async whole(request: ImageRequest, call: HttpCall, reportsUsage: boolean): Promise<MediaAnswer> {
    const data: object[] = [];
    for (let index = 0; index < request.n; index++) {
      const bytes = await drawn(request, index);
      data.push(
        request.responseFormat === 'url'
          ? { url: this.keep(bytes, request, call) }
          : { b64_json: bytes.toString('base64') },
      );
    }
    const { background, format, quality, size } = request;
    const told = {
      background: backgroundTold(background),
      output_format: format,
      quality: quality === 'auto' ? 'medium' : quality,
      size,
    };
    const answer = {
      created: Math.floor(Date.now() / 1000),
      data,
      ...(reportsUsage && { ...told, usage: await imageUsage(request) }),
    };
    return { contentType: 'application/json', parts: [JSON.stringify(answer)], partDelayMs: 0 };
  }

  private keep(bytes: Buffer, { format }: ImageRequest, call: HttpCall): string {
    const name = `${hash('sha256', bytes, 'hex').slice(0, 32)}.${format}`;
    this.files.set(name, { bytes, contentType: `image/${format}` });
    for (const oldest of this.files.keys()) {
      if (this.files.size <= keptFiles) break;
      this.files.delete(oldest);
    }
    return `http://${call.header('host') ?? 'localhost'}/v1/images/files/${name}`;
  }
}

function backgroundTold(background: string): string {
  return background === 'auto' ? 'opaque' : background;
}

function refuseIncomplete({ prompt, images }: ImageRequest, kind: string): void {
  if (kind !== 'variations' && prompt === '') throw wrong('prompt', 'must be a text');
  if (kind !== 'generations' && images.length === 0) throw wrong('image', 'must be a file');
}

/** The prompt on its colors; of an edit on the first picture; of a variation the picture in other colors. */
async function drawn(request: ImageRequest, index: number): Promise<Buffer> {
  const { prompt, width, height, images, format, compression } = request;
  const seed = hash('sha256', `${prompt} ${index}`, 'buffer').readUInt32LE(0);
  const [first] = images;
  const picture = first ? await over(first, request, seed) : drawPrompt(prompt, { width, height }, seed);
  return encodePicture(picture, { format, compression });
}

async function over(file: Buffer, { prompt, width, height }: ImageRequest, seed: number): Promise<Picture> {
  const below = await readPicture(file, { width, height }).catch(() => {
    throw wrong('image', 'is no picture that can be read');
  });
  const above = drawPrompt(prompt, { width, height }, seed);
  // Half and half: what was uploaded is seen, and so is the prompt.
  for (let at = 0; at < above.pixels.length; at++) {
    above.pixels[at] = ((above.pixels[at] ?? 0) + (below.pixels[at] ?? 0)) >> 1;
  }
  return above;
}

async function streamed(request: ImageRequest, kind: string): Promise<MediaAnswer> {
  const prefix = kind === 'edits' ? 'image_edit' : 'image_generation';
  const { background, format, partialImages, quality, size } = request;
  const common = {
    created_at: Math.floor(Date.now() / 1000),
    size,
    quality: quality === 'auto' ? 'medium' : quality,
    background: backgroundTold(background),
    output_format: format,
  };
  const parts: string[] = [];
  for (let index = 0; index < partialImages; index++) {
    const b64_json = (
      await drawn({ ...request, prompt: `${request.prompt} ${index + 1}/${partialImages}` }, 0)
    ).toString('base64');
    parts.push(namedEvent({ type: `${prefix}.partial_image`, b64_json, partial_image_index: index, ...common }));
  }
  const b64_json = (await drawn(request, 0)).toString('base64');
  // The usage of OpenAI's events has no details of the output.
  const { output_tokens_details: _details, ...usage } = await imageUsage({ ...request, n: 1 });
  parts.push(namedEvent({ type: `${prefix}.completed`, b64_json, ...common, usage }));
  return { contentType: eventStream, parts, partDelayMs };
}
