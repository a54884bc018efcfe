import { z } from 'zod';
import { defineEndpoint } from '../endpoint.js';
import { refuseForbidden } from './forbidden-parameters.js';
import { variationFields } from './image-parameters.js';
import { modelName } from './model-name.js';

const fields = z.looseObject({ model: modelName, ...variationFields }).check(refuseForbidden);

/** `POST /v1/images/variations` (OpenAI OpenAPI, `CreateImageVariationRequest`). */
export const imagesVariations = defineEndpoint({
  id: 'images.variations',
  modality: 'image',
  method: 'POST',
  path: '/v1/images/variations',
  accepts: ['multipart'],
  request: fields,
  form: { fields, lists: [], files: { image: { min: 1, max: 1, maxBytes: 4 * 1024 * 1024, kind: 'image' } } },
});
