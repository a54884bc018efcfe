import { z } from 'zod';
import { pauseStages } from './pause-points.js';

/** What this app reads of the environment. */
export const textEnv = z.object({
  /** Where the sandbox listens; its provider and models exist only with it. */
  MODAPI_SANDBOX_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** How long a hold lives without a sign of life; billing must know the same number. */
  MODAPI_HOLD_LEASE_SECONDS: z.coerce.number().int().min(2).max(600).default(60),
  /** For fault tests only: the first call that comes to this stage stops there for ever. */
  MODAPI_PAUSE_AT: z.enum(pauseStages).optional(),
});
export type TextEnv = z.infer<typeof textEnv>;
