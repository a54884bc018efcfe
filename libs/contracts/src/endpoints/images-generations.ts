import { z } from 'zod';
import { defineEndpoint } from '../endpoint.js';
import { refuseForbidden } from './forbidden-parameters.js';
import { drawingParameters, refusePartialsWithoutStream } from './image-parameters.js';
import { modelName } from './model-name.js';

/** `POST /v1/images/generations` (OpenAI OpenAPI, `CreateImageRequest`). */
export const imagesGenerations = defineEndpoint({
  id: 'images.generations',
  modality: 'image',
  method: 'POST',
  path: '/v1/images/generations',
  accepts: ['json'],
  request: z
    .looseObject({ model: modelName, ...drawingParameters })
    .check(refusePartialsWithoutStream)
    .check(refuseForbidden),
});
