import { z } from 'zod';
import { endUser, flagField, numberField, oneOf, streamFlag, textOf, wholeNumber, word } from './parameters.js';

const shortestSide = 16;
const longestSide = 8_192;
const sizeError = `must be \`auto\` or width x height in pixels, such as 1024x1024, each from ${shortestSide} to ${longestSide}`;

/** Which sizes a model draws says its entry in the catalog. */
const imageSize = z
  .string({ error: sizeError })
  .regex(/^(?:auto|[1-9]\d{1,3}x[1-9]\d{1,3})$/, { error: sizeError })
  .check((payload) => {
    if (payload.value === 'auto') return;
    const isSane = payload.value
      .split('x')
      .every((side) => Number(side) >= shortestSide && Number(side) <= longestSide);
    if (!isSane) payload.issues.push({ code: 'custom', input: payload.value, path: [], message: sizeError });
  })
  .nullish();

const [count, compression, partials] = [wholeNumber(1, 10), wholeNumber(0, 100), wholeNumber(0, 3)];

const answered = {
  size: imageSize,
  response_format: oneOf(['b64_json', 'url']),
  user: endUser,
};
const drawn = {
  ...answered,
  prompt: textOf(32_000),
  quality: word(),
  background: word(),
  output_format: word(),
};

/** Parameters of `images.generations`, and of `images.edits` as JSON. */
export const drawingParameters = {
  ...drawn,
  n: count,
  output_compression: compression,
  partial_images: partials,
  stream: streamFlag,
};

/** Fields of `images.edits` as a form. */
export const drawingFields = {
  ...drawn,
  n: numberField(count),
  output_compression: numberField(compression),
  partial_images: numberField(partials),
  stream: flagField(streamFlag),
};

/** Fields of `images.variations`. */
export const variationFields = { ...answered, n: numberField(count) };

/** A check: partial images are a stream's. */
export function refusePartialsWithoutStream(payload: z.core.ParsePayload<PartialsAsked>): void {
  const { partial_images: asked, stream } = payload.value;
  if (!asked || stream === true) return;
  const message = 'is only allowed together with `stream: true`';
  payload.issues.push({ code: 'custom', input: payload.value, path: ['partial_images'], message });
}

interface PartialsAsked {
  partial_images?: number | null | undefined;
  stream?: boolean | null | undefined;
}
