import { isIP } from 'node:net';
import { z } from 'zod';
import { blobEnvironment } from '#libs/blobs';
import { addressRules } from '#libs/providers';

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

const trustedProxies = z
  .string()
  .default('')
  .transform((list) =>
    list
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  )
  .refine((list) => list.every(isAddressOrRange), {
    error: 'needs addresses or CIDR ranges such as 10.0.0.0/8, separated by commas',
  });

function isAddressOrRange(entry: string): boolean {
  const [address = '', bits, ...rest] = entry.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** Environment variables of the ingress. */
export const ingressEnv = z.object({
  MODAPI_KEY_PEPPER: z.string().min(32, 'needs at least 32 characters'),
  MODAPI_HTTP_HOST: z.string().default('127.0.0.1'),
  MODAPI_HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  /** Browser pages of these origins may call the API. */
  MODAPI_CORS_ORIGINS: origins,
  /** How long a hold lives without a sign of life from who runs its request. */
  MODAPI_HOLD_LEASE_SECONDS: z.coerce.number().int().min(2).max(600).default(60),
  /** Whose `X-Forwarded-For` is believed: addresses and CIDR ranges of the proxies in front. */
  MODAPI_TRUSTED_PROXIES: trustedProxies,
  /** Where callers reach this gateway, for the URLs of images that it keeps; without it the address that they called. */
  MODAPI_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Counts rate limits for all ingress processes together; without it each counts for itself. */
  REDIS_URL: z.string().optional(),
  /** Where the folder for the files of forms in flight is made; without it in the system's temporary one. */
  MODAPI_UPLOAD_DIR: z.string().optional(),
  /** What all files of forms in flight may take of the disk together. */
  MODAPI_UPLOAD_SPACE_MB: z.coerce.number().int().min(64).max(1_048_576).default(16_384),
  /** Where files of our own are. */
  ...blobEnvironment.shape,
  /** Signs the links to files of our own store; without it there are none. The image workers have the same. */
  MODAPI_MEDIA_SECRET: z.string().min(32, 'needs at least 32 characters').optional(),
  /** Private ranges where files that callers name by URL may be; the workers that fetch them have the same. */
  MODAPI_EGRESS_ALLOWED_ADDRESSES: addressRules,
  /** Set: the models `sandbox/*` exist. */
  MODAPI_SANDBOX_URL: z.url({ protocol: /^https?$/ }).optional(),
});
export type IngressEnv = z.infer<typeof ingressEnv>;
