import { z } from 'zod';

/** Units that count tokens; a usage may count the same prompt in several of them, never the same token twice. */
export const tokenUnits = [
  'input',
  'input_cached',
  'output',
  'reasoning',
  'input_audio',
  'input_image',
  'output_audio',
  'output_image',
] as const;
/** Units that count something else: pieces, pixels, seconds of audio heard, characters spoken, searches ranked. */
export const mediaUnits = ['images', 'pixels', 'seconds', 'characters', 'searches'] as const;
/** Units that a price is given for and a usage is counted in. */
export const usageUnits = [...tokenUnits, ...mediaUnits] as const;
/** Images of one size and quality, where their price depends on it: `images:1024x1024/high`. Falls back to `images`. */
export type ImageVariant = `images:${string}`;
/**
 * `input`: text tokens of the prompt that were not cached. `input_cached`: prompt tokens read from a cache.
 * `output`: text tokens of the answer without reasoning. `reasoning`: hidden completion tokens.
 */
export type UsageUnit = (typeof usageUnits)[number] | ImageVariant;

const unitPattern = new RegExp(`^(?:${usageUnits.join('|')}|images:[\\w.x/-]{1,64})$`);
/** Whether a text names a unit. */
export function isUsageUnit(text: string): text is UsageUnit {
  return unitPattern.test(text);
}
/** A unit as text. */
export const unitSchema = z.custom<UsageUnit>((value) => typeof value === 'string' && isUsageUnit(value), 'is no unit');

/** Integer quantities by unit; a missing unit is zero. The units do not overlap. */
export const usageSchema = z.partialRecord(unitSchema, z.int().nonnegative());
/** What one upstream call used by unit, as the provider reported or we counted it. */
export type Usage = { [Unit in UsageUnit]?: number };

/** Nano-dollars (1e-9 US dollar) per 1,000,000 units, as decimal strings: JSON numbers are floats. */
export const priceSchema = z.partialRecord(unitSchema, z.string().regex(/^\d{1,18}$/));
/** A price as notes and usage events carry it; `priceOfWire` of the catalog turns it into bigints. */
export type WirePrice = { [Unit in UsageUnit]?: string };

/** All tokens of a usage, for limits that count them. */
export function tokensOf(usage: Usage): number {
  return tokenUnits.reduce((sum, unit) => sum + (usage[unit] ?? 0), 0);
}

/** How an attempt ended. */
export const attemptOutcomes = [
  'done',
  'client_abort',
  'upstream_error',
  'timeout',
  'truncated',
  'shutdown',
  'worker_lost',
  'balance_stop',
] as const;
/** One of `attemptOutcomes`; what each of them is charged: docs/charging.md. */
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/**
 * One upstream call that ended; the event that money is made from. It holds no prompt, no completion, no key material.
 * `attempt_id` is the key: any number of copies from either witness count once.
 */
export const attemptFinished = z.object({
  v: z.literal(1),
  type: z.literal('attempt.finished'),
  /** `<request id>#<n>`, n from 1. */
  attempt_id: z.string().max(128),
  request_id: z.string().max(100),
  organization_id: z.string(),
  project_id: z.string(),
  key_id: z.string(),
  witness: z.enum(['worker', 'ingress']),
  endpoint: z.string(),
  /** The public id that the caller asked for. */
  model: z.string(),
  provider: z.string(),
  upstream_model: z.string(),
  upstream_request_id: z.string().nullable(),
  /** HTTP status of the upstream; null when it never answered. */
  upstream_status: z.int().nullable(),
  outcome: z.enum(attemptOutcomes),
  content_delivered: z.boolean(),
  /** provider: reported by the upstream; counted: by us from what was delivered; estimated: from sizes; none: nothing to charge. */
  usage_source: z.enum(['provider', 'counted', 'estimated', 'none']),
  /** What is charged. */
  usage: usageSchema,
  /** Counted for the reports, not charged: the price of this call is by other units. A unit is here or in `usage`. */
  measured: usageSchema.optional(),
  /** The price at the time of the call; later changes of the catalog do not touch it. */
  price: priceSchema,
  /** The request has a hold: the charge is captured from it, at the price of its snapshot. */
  held: z.boolean().default(false),
  /** Unix milliseconds. */
  started_at: z.int(),
  first_byte_at: z.int().nullable(),
  finished_at: z.int(),
  trace_id: z.string().nullable(),
});
export type AttemptFinished = z.infer<typeof attemptFinished>;

/** Event subject on the bus. */
export const attemptFinishedSubject = 'usage.v1.attempt.finished';
