import { z } from 'zod';
import { modelName } from './model-name.js';
import { decimalNumber, numberField } from './parameters.js';

/** The file of a transcription or a translation: OpenAI's limit. */
export const audioFile = { min: 1, max: 1, maxBytes: 25 * 1024 * 1024, kind: 'audio' } as const;

/** Fields that both have. */
export const heardFields = {
  model: modelName,
  prompt: z.string({ error: 'must be a string' }).max(32_000, { error: 'is longer than 32,000 characters' }).nullish(),
  temperature: numberField(decimalNumber(0, 1)),
};
