import { parseApiKey, type KeyScope } from '#libs/contracts';
import { z } from 'zod';

/** Billing's own environment variables. */
export const billingEnvironment = z.object({
  DATABASE_URL: z
    .string()
    .refine(
      (url) => /^postgres(ql)?:\/\//.test(url) && URL.canParse(url),
      'write postgres://user:password@host/database',
    ),
  /** Keys are stored as HMAC under this: whoever steals the table cannot test keys without it. */
  MODAPI_KEY_PEPPER: z.string().min(32, 'must have at least 32 characters'),
  MODAPI_BOOTSTRAP_API_KEY: bootstrapKey('inference', 'sk-modapi-…').optional(),
  MODAPI_BOOTSTRAP_ADMIN_KEY: bootstrapKey('admin', 'sk-modapi-admin-…').optional(),
  /** How long money stays set aside for a request whose process died; whoever runs one renews it every quarter. */
  MODAPI_HOLD_LEASE_SECONDS: z.coerce.number().int().min(2).max(600).default(60),
  /** Schedules what all billing processes share; without it each keeps its own timer. */
  REDIS_URL: z.string().optional(),
});
export type BillingEnvironment = z.infer<typeof billingEnvironment>;

function bootstrapKey(scope: KeyScope, form: string) {
  return z
    .string()
    .refine((key) => parseApiKey(key)?.scope === scope, `is no key of the form ${form} with a right checksum`);
}
