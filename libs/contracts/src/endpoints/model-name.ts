import { z } from 'zod';

/** `model` of every endpoint. */
export const modelName = z
  .string({ error: 'must name a model, as listed by GET /v1/models' })
  .min(1, { error: 'must name a model, as listed by GET /v1/models' })
  .max(256, { error: 'is longer than 256 characters' })
  .regex(/^\P{Cc}*$/u, { error: 'has control characters' });
