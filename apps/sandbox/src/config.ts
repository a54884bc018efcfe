import { z } from 'zod';

/** The sandbox's own environment variables. */
export const sandboxEnvironment = z.object({
  MODAPI_SANDBOX_HOST: z.string().default('127.0.0.1'),
  /** 0 takes a free one. */
  MODAPI_SANDBOX_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  MODAPI_SANDBOX_CALL_LOG: z.string().optional(),
});
export type SandboxEnvironment = z.infer<typeof sandboxEnvironment>;
