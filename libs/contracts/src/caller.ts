import { z } from 'zod';
import { priceSchema } from './usage.js';

/** Whom a key speaks for. Travels on the bus; holds no secret. */
export const callerSchema = z.object({
  keyId: z.string(),
  organizationId: z.string(),
  projectId: z.string(),
  /** `inference`: calls models. `admin`: manages the organization. */
  scope: z.enum(['inference', 'admin']),
  /** The key of whoever runs this gateway: makes organizations, moves money. Set by the bootstrap only. */
  operator: z.boolean().default(false),
  billingMode: z.enum(['prepaid', 'postpaid']),
});
/** The `caller` of a call head and of a key lookup: ids, scope and billing mode of one key. */
export type Caller = z.infer<typeof callerSchema>;

/** One limit; absent or null numbers do not limit. */
export const rateLimitRule = z.object({
  scope: z.enum(['key', 'project']),
  /** Of the key or the project. */
  id: z.string(),
  /** A public model id, or null for all models together. */
  model: z.string().nullable(),
  requestsPerMinute: z.int().positive().nullable(),
  tokensPerMinute: z.int().positive().nullable(),
  /** Requests under way at once. */
  concurrency: z.int().positive().nullable(),
});
export type RateLimitRule = z.infer<typeof rateLimitRule>;

/** What a key may do, beyond whom it speaks for. Stays in ingress. */
export const keyPolicySchema = z.object({
  /** Public model ids; `openai/*` allows all that begin so. null: every model. */
  models: z.array(z.string()).nullable(),
  /** Addresses and CIDR ranges that calls may come from. null: anywhere. */
  ipAllowList: z.array(z.string()).nullable(),
  /** Unix milliseconds after which the key is refused, whatever a cache says. null: never. */
  expiresAt: z.int().nullable(),
  /** Prepaid, or under a budget: no call without a hold. */
  needsHold: z.boolean(),
  limits: z.array(rateLimitRule),
  /** By public model id: what this organization pays instead of the catalog's price. */
  prices: z.record(z.string(), priceSchema),
});
/** The `policy` of a key lookup: models, addresses, expiry, limits, prices of one key. */
export type KeyPolicy = z.infer<typeof keyPolicySchema>;

/** Looks a key up by its HMAC: the head of the call, the answer's trailer. Served by billing. */
export const keyLookupSubject = 'call.v1.billing.key.lookup';
/** Head of the call on `keyLookupSubject`; its body is empty. The key itself never travels. */
export const keyLookupRequest = z.object({
  /** HMAC-SHA256 of the whole key under the pepper, base64url. */
  digest: z.string().length(43),
});
/** Trailer of that call. A key that may not be used has its caller and the `refusal`; an unknown one has neither. */
export const keyLookupReply = z.object({
  /** null: no such key. */
  caller: callerSchema.nullable(),
  /** null exactly if `caller` is. */
  policy: keyPolicySchema.nullable(),
  refusal: z.enum(['revoked', 'expired', 'organization_disabled']).nullable(),
});
export type KeyLookupReply = z.infer<typeof keyLookupReply>;

/**
 * Broadcast when a key, or what it may do, changed: every ingress forgets it. `{keyId}` names one key,
 * `{organizationId}` all keys of an organization (budget, price, mode, limit), `{}` all.
 */
export const keyChangedSubject = 'broadcast.v1.key.changed';
