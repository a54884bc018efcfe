import { createHash } from 'node:crypto';
import { chargeOf, priceOfWire, UnpricedUnitError } from '#libs/catalog';
import { type AttemptFinished, attemptFinished, type Usage } from '#libs/contracts';
import type { DeadLetter, UsageRecord } from '#libs/persistence';

/** An event as it came from the bus, or back from `dead_letters`. */
export interface UsageEvent {
  readonly subject: string;
  readonly event: unknown;
  readonly deliveries: number;
}

/** `chargeNanos`: at the price of the event; a hold's snapshot and the balance may make it another one. */
export type UsageRow = Omit<UsageRecord, 'recordedAt' | 'writtenOffNanos' | 'late'>;
export type DeadLetterRow = Pick<DeadLetter, 'id' | 'subject' | 'payload' | 'reason' | 'deliveries'>;

/** What becomes of an event: a row with its charge, or the reason why not. */
export type Intake = { readonly row: UsageRow } | { readonly reason: string };

/** Validates and prices. Pure: the same event makes the same row, whoever delivers it and whenever. */
export function intakeOf(event: unknown): Intake {
  const parsed = attemptFinished.safeParse(event);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'event'}: ${issue.code}`);
    return { reason: issues.join('; ') };
  }
  try {
    return { row: rowOf(parsed.data) };
  } catch (error) {
    if (error instanceof UnpricedUnitError) return { reason: `price: ${error.message}` };
    throw error;
  }
}

function rowOf(event: AttemptFinished): UsageRow {
  const { input = 0, input_cached: cached = 0, output = 0, reasoning = 0, ...further } = event.usage;
  return {
    attemptId: event.attempt_id,
    requestId: event.request_id,
    organizationId: event.organization_id,
    projectId: event.project_id,
    keyId: event.key_id,
    witness: event.witness,
    endpoint: event.endpoint,
    model: event.model,
    provider: event.provider,
    upstreamModel: event.upstream_model,
    upstreamRequestId: event.upstream_request_id,
    upstreamStatus: event.upstream_status,
    outcome: event.outcome,
    contentDelivered: event.content_delivered,
    usageSource: event.usage_source,
    inputTokens: BigInt(input),
    inputCachedTokens: BigInt(cached),
    outputTokens: BigInt(output),
    reasoningTokens: BigInt(reasoning),
    furtherUsage: countedOrNull(further),
    measuredUsage: countedOrNull(event.measured ?? {}),
    price: event.price,
    chargeNanos: chargeOf(event.usage, priceOfWire(event.price)),
    startedAt: new Date(event.started_at),
    firstByteAt: event.first_byte_at === null ? null : new Date(event.first_byte_at),
    finishedAt: new Date(event.finished_at),
    traceId: event.trace_id,
  };
}

function countedOrNull(usage: Usage): Usage | null {
  const counted = Object.entries(usage).filter(([, quantity]) => quantity);
  return counted.length === 0 ? null : Object.fromEntries(counted);
}

/** The letter of an event that has no row. */
export function deadLetterOf({ subject, event, deliveries }: UsageEvent, reason: string): DeadLetterRow {
  const payload = event ?? null;
  const digest = createHash('sha256').update(subject).update('\n').update(JSON.stringify(payload)).digest('base64url');
  return { id: `dl_${digest}`, subject, payload, reason: printable(reason), deliveries };
}

/** A reason may quote the name of a field that a stranger made up. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '?').slice(0, 1_000);
}
