import { imageVariantOf } from '#libs/catalog';
import {
  type Endpoint,
  GatewayError,
  imagesEdits,
  imagesVariations,
  type RequestFacts,
  type Usage,
} from '#libs/contracts';
import { AddressRules } from '#libs/providers';
import { formRequest, type ReadFile, readFormRequest } from '../inference/form-request.js';
import type { ReadRequest, RunningBody, UploadedForm } from '../inference/intake.js';
import { jsonRequest, readJsonRequest } from '../inference/json-request.js';
import { heldInFull, likelyTokens, mostTokens } from '../inference/whole-hold.js';
import { checkImageReferences } from './image-references.js';
import { type ImageAsked, likelyDrawnTokens, mostDrawnTokens, mostReadTokens } from './image-tokens.js';

/** Of an image whose size the model decides: 2048 x 2048. */
const openPixels = 4_194_304;

/** Reads the raw JSON body of `images.generations` or `images.edits`; throws a `GatewayError`. */
export function readImageRequest(endpoint: Endpoint, raw: unknown, rules = AddressRules.publicOnly): ReadRequest {
  const json = readJsonRequest(endpoint, raw);
  const { value } = json;
  const drawing = drawingOf(value, endpoint.id === imagesEdits.id ? checkImageReferences(value, rules) : 0);
  return {
    ...jsonRequest(endpoint, json),
    head: { spans: json.spans, facts: factsOf(value, drawing.asked), includeUsage: false },
    running: runningDrawing(json.bytes, drawing),
    ...demandOf(drawing),
  };
}

/** Reads the form of `images.edits` or `images.variations`; throws a `GatewayError`. */
export function readImageForm(endpoint: Endpoint, uploaded: UploadedForm): ReadRequest {
  const form = readFormRequest(endpoint, uploaded);
  const [mask] = form.files.get('mask') ?? [];
  if (mask) refuseUnlessPng(mask);
  const [image] = form.files.get('image') ?? [];
  if (image && endpoint.id === imagesVariations.id) refuseUnlessSquare(image);
  const drawing = drawingOf(form.valid, uploaded.form.files.length);
  return {
    ...formRequest(endpoint, form, uploaded),
    head: { form: uploaded.form, facts: factsOf(form.valid, drawing.asked), includeUsage: false },
    running: runningDrawing(uploaded.body, drawing),
    ...demandOf(drawing),
  };
}

interface Drawing {
  readonly asked: ImageAsked;
  readonly promptBytes: number;
}

function drawingOf(value: Readonly<Record<string, unknown>>, imagesRead: number): Drawing {
  const { n, size, quality, partial_images: partialImages, prompt } = value;
  const asked: ImageAsked = {
    n: typeof n === 'number' ? n : 1,
    size: typeof size === 'string' ? size : 'auto',
    quality: typeof quality === 'string' ? quality : 'auto',
    partialImages: typeof partialImages === 'number' ? partialImages : 0,
    imagesRead,
  };
  return { asked, promptBytes: typeof prompt === 'string' ? Buffer.byteLength(prompt) : 0 };
}

function factsOf(value: Readonly<Record<string, unknown>>, { n, size, quality }: ImageAsked): RequestFacts {
  const { response_format: responseFormat, output_format: outputFormat } = value;
  return {
    n,
    size,
    quality,
    ...(typeof responseFormat === 'string' && { responseFormat }),
    ...(typeof outputFormat === 'string' && { outputFormat }),
  };
}

function demandOf({ asked, promptBytes }: Drawing): Pick<ReadRequest, 'largestUsage' | 'hold' | 'likelyTokens'> {
  return {
    largestUsage: () => ({
      ...piecesOf(asked),
      ...(promptBytes > 0 && { input: mostTokens(promptBytes) }),
      ...(asked.imagesRead > 0 && { input_image: mostReadTokens(asked) }),
      output_image: mostDrawnTokens(asked),
    }),
    hold: () => heldInFull,
    likelyTokens: () => likelyTokens(promptBytes) + likelyDrawnTokens(asked),
  };
}

function runningDrawing(body: RunningBody['body'], { asked, promptBytes }: Drawing): RunningBody {
  const usage: Usage = {
    ...piecesOf(asked),
    ...(promptBytes > 0 && { input: likelyTokens(promptBytes) }),
    output_image: likelyDrawnTokens(asked),
  };
  return { body, estimate: () => usage };
}

/** What is counted without tokens. */
function piecesOf({ n, size, quality }: ImageAsked): Usage {
  const [width, height] = size.split('x').map(Number);
  const pixels = width && height ? width * height : openPixels;
  return { [imageVariantOf({ size, quality })]: n, pixels: n * pixels };
}

function refuseUnlessPng({ name, contentType }: ReadFile): void {
  if (contentType === 'image/png') return;
  throw new GatewayError('invalid_image', `Invalid \`${name}\`: must be a PNG.`, { param: name });
}

/** Both sides, where they can be seen. */
function refuseUnlessSquare(file: ReadFile): void {
  refuseUnlessPng(file);
  const { width, height } = file.facts;
  if (width === height) return;
  const message = `Invalid \`${file.name}\`: must be a square, and is ${width} x ${height} pixels.`;
  throw new GatewayError('invalid_image', message, { param: file.name });
}
