import { z } from 'zod';
import { defineEndpoint } from '../endpoint.js';
import { refuseForbidden } from './forbidden-parameters.js';
import { drawingFields, drawingParameters, refusePartialsWithoutStream } from './image-parameters.js';
import { modelName } from './model-name.js';

const megabyte = 1024 * 1024;
const urlError = 'must be the URL of an image, or the image as a `data:image/…;base64,` URL';
const imagesError = 'must be an array of 1 to 16 images';

/** Where a URL may lead is not said here. */
const imageReference = z
  .looseObject(
    { image_url: z.string({ error: urlError }).min(1, { error: urlError }) },
    { error: 'must be an object with `image_url`' },
  )
  .check((payload) => {
    if (payload.value['file_id'] === undefined) return;
    const message = 'is not supported: this gateway keeps no files; send `image_url`';
    payload.issues.push({ code: 'custom', input: payload.value, path: ['file_id'], message });
  });

/** `POST /v1/images/edits` (OpenAI OpenAPI, `CreateImageEditRequest` and `EditImageBodyJsonParam`). */
export const imagesEdits = defineEndpoint({
  id: 'images.edits',
  modality: 'image',
  method: 'POST',
  path: '/v1/images/edits',
  accepts: ['multipart', 'json'],
  request: z
    .looseObject({
      model: modelName,
      ...drawingParameters,
      images: z
        .array(imageReference, { error: imagesError })
        .min(1, { error: imagesError })
        .max(16, { error: imagesError }),
      mask: imageReference.nullish(),
    })
    .check(refusePartialsWithoutStream)
    .check(refuseForbidden),
  form: {
    fields: z
      .looseObject({ model: modelName, ...drawingFields })
      .check(refusePartialsWithoutStream)
      .check(refuseForbidden),
    lists: [],
    files: {
      image: { min: 1, max: 16, maxBytes: 50 * megabyte, kind: 'image' },
      mask: { min: 0, max: 1, maxBytes: 4 * megabyte, kind: 'image' },
    },
  },
});
