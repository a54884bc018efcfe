import { fitUsage, priceOfWire } from '#libs/catalog';
import {
  type AttemptFinished,
  type AttemptStarted,
  attemptStarted,
  type InferenceCallHead,
  priceSchema,
} from '#libs/contracts';
import type { Delivered, ModelLimits, RunningBody } from './intake.js';

/** What was seen of an attempt whose worker vanished. */
export interface LostAttempt {
  readonly head: InferenceCallHead;
  readonly running: RunningBody;
  readonly model: ModelLimits;
  /** As the worker noted it before it began. */
  readonly note: AttemptStarted;
  readonly delivered: Delivered;
  readonly traceId: string | null;
}

/** A note as it came over the bus, or undefined when it is none. */
export function readNote(note: unknown): AttemptStarted | undefined {
  return attemptStarted.safeParse(note).data;
}

/** The usage event of an attempt that only ingress can still account for. */
export function attemptLost(lost: LostAttempt): AttemptFinished {
  const { head, note } = lost;
  const delivered = hasContent(lost.delivered);
  const price = priceSchema.safeParse(note.price).data ?? {};
  const counted = delivered ? lost.running.estimate(lost.delivered, lost.model) : {};
  const { usage, measured } = fitUsage(counted, priceOfWire(price));
  return {
    v: 1,
    type: 'attempt.finished',
    attempt_id: note.attemptId,
    request_id: head.requestId,
    organization_id: head.caller.organizationId,
    project_id: head.caller.projectId,
    key_id: head.caller.keyId,
    witness: 'ingress',
    endpoint: head.endpoint,
    model: head.model,
    provider: note.provider,
    upstream_model: note.upstreamModel,
    upstream_request_id: null,
    upstream_status: null,
    outcome: 'worker_lost',
    content_delivered: delivered,
    usage_source: delivered ? 'estimated' : 'none',
    usage,
    ...(Object.keys(measured).length > 0 && { measured }),
    price,
    held: head.hold !== null,
    started_at: note.startedAt,
    first_byte_at: lost.delivered.firstByteAt,
    finished_at: Date.now(),
    trace_id: lost.traceId,
  };
}

/** Something of the answer reached the caller, and is charged. */
export function hasContent({ events, bytes }: Delivered): boolean {
  return events > 0 || bytes > 0;
}
