import { z } from 'zod';

/** What this app reads of the environment. */
export const textEnv = z.object({
  /** Where the sandbox listens; its provider and models exist only with it. */
  MODAPI_SANDBOX_URL: z.url({ protocol: /^https?$/ }).optional(),
});
export type TextEnv = z.infer<typeof textEnv>;
