import { z } from 'zod';
import { addressRules } from '#libs/providers';
import { pauseStages } from './pause-points.js';

/** What every worker app reads of the environment. */
export const workerEnvironment = z.object({
  /** Where the sandbox listens; its provider and models exist only with it. */
  MODAPI_SANDBOX_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** How long a hold lives without a sign of life; billing must know the same number. */
  MODAPI_HOLD_LEASE_SECONDS: z.coerce.number().int().min(2).max(600).default(60),
  /** Private ranges where files that callers name by URL may be fetched; none but the public internet otherwise. */
  MODAPI_EGRESS_ALLOWED_ADDRESSES: addressRules,
  /** For fault tests only: the first call that comes to this stage stops there for ever. */
  MODAPI_PAUSE_AT: z.enum(pauseStages).optional(),
});
export type WorkerEnvironment = z.infer<typeof workerEnvironment>;
