import { z } from 'zod';

const origins = z
  .string()
  .default('*')
  .transform((list) =>
    list
      .split(',')
      .map((origin) => origin.trim())
      .filter((origin) => origin !== ''),
  )
  .refine((list) => list.every((origin) => origin === '*' || URL.canParse(origin)), {
    error: 'needs origins such as https://app.example.com, separated by commas, or *',
  });

/** Environment variables of the ingress. */
export const ingressEnv = z.object({
  MODAPI_KEY_PEPPER: z.string().min(32, 'needs at least 32 characters'),
  MODAPI_HTTP_HOST: z.string().default('127.0.0.1'),
  MODAPI_HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  /** Browser pages of these origins may call the API. */
  MODAPI_CORS_ORIGINS: origins,
  /** Set: the models `sandbox/*` exist. */
  MODAPI_SANDBOX_URL: z.url({ protocol: /^https?$/ }).optional(),
});
export type IngressEnv = z.infer<typeof ingressEnv>;
