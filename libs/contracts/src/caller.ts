import { z } from 'zod';

/** Whom a key speaks for. Travels on the bus; holds no secret. */
export const callerSchema = z.object({
  keyId: z.string(),
  organizationId: z.string(),
  projectId: z.string(),
  /** `inference`: calls models. `admin`: manages the organization. */
  scope: z.enum(['inference', 'admin']),
  billingMode: z.enum(['prepaid', 'postpaid']),
});
/** The `caller` of a call head and of a key lookup: ids, scope and billing mode of one key. */
export type Caller = z.infer<typeof callerSchema>;

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
  refusal: z.enum(['revoked', 'expired', 'organization_disabled']).nullable(),
});
export type KeyLookupReply = z.infer<typeof keyLookupReply>;

/** Broadcast when a key is revoked or changed; every ingress forgets it. */
export const keyChangedSubject = 'broadcast.v1.key.changed';
