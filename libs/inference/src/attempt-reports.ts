import { chargeOf, fitUsage, type Price, priceOfWire, UnpricedUnitError } from '#libs/catalog';
import {
  type AttemptFinished,
  attemptFinishedSubject,
  type AttemptStarted,
  type InferenceCallHead,
  type Usage,
} from '#libs/contracts';
import type { Bus, TraceHeaders } from '#libs/messaging';
import type { Logger } from '#libs/telemetry';
import type { AnswerReport, Attempt, AttemptEnd } from './attempt.js';

/** Storing takes about a millisecond; the caller of a finished answer does not wait longer than this for the ledger. */
const maxWaitMs = 10_000;

/** An upstream call that ended. */
export interface EndedAttempt {
  readonly started: AttemptStarted;
  readonly attempt: Attempt;
  readonly end: AttemptEnd;
}

/** Publishes `attempt.finished` for every upstream call of one request; money is made from nothing else. */
export class AttemptReports {
  /** Of the attempt added last; its cost is undefined when its price lacks a unit, which billing will see to. */
  last: AnswerReport = { usage: {}, source: 'none', cost: undefined };
  /** Some attempt has usage, so the ledger will end the hold. */
  charged = false;
  private readonly published: Promise<void>[] = [];

  constructor(
    private readonly bus: Bus,
    private readonly logger: Logger,
    private readonly head: InferenceCallHead,
  ) {}

  /** Resolves when the event is on its way; `settled` waits until it is stored. */
  async add(ended: EndedAttempt, trace: { headers: TraceHeaders; traceId: string | null }): Promise<void> {
    const { attempt, end, started } = ended;
    const counted = await attempt.meter(end);
    const price = priceOfWire(started.price);
    const { usage, measured } = fitUsage(counted.usage, price);
    const metered = { ...counted, usage };
    this.last = { ...metered, cost: chargeIn(usage, price) };
    // A report of nothing is no charge: the ledger would leave the hold to its lease.
    this.charged ||= metered.source !== 'none' && Object.values(usage).some((quantity = 0) => quantity > 0);
    if (attempt.usageDisbelieved) {
      const fields = { requestId: this.head.requestId, attemptId: started.attemptId, provider: started.provider };
      this.logger.warn(fields, 'a provider reported usage that cannot be true; it was counted instead');
    }
    const event = this.eventOf(ended, { ...metered, measured }, trace.traceId);
    this.published.push(
      this.bus.publishEvent(attemptFinishedSubject, event, trace.headers).catch((error: unknown) => {
        // The bus has retried for long. The line holds all that is needed to enter it by hand.
        const cause = error instanceof Error ? error : new Error('unknown');
        const { attempt_id: attemptId, request_id: requestId, model, provider } = event;
        const reason = JSON.stringify({ usage: event.usage, source: event.usage_source, outcome: event.outcome });
        this.logger.error({ attemptId, requestId, model, provider, reason, error: cause }, 'usage could not be stored');
      }),
    );
  }

  async settled(): Promise<void> {
    if (this.published.length === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.logger.warn({ requestId: this.head.requestId }, 'the call ends before its usage is stored');
        resolve();
      }, maxWaitMs);
    });
    await Promise.race([Promise.all(this.published), late]);
    clearTimeout(timer);
  }

  private eventOf(
    { attempt, end, started }: EndedAttempt,
    metered: { usage: Usage; measured: Usage; source: AttemptFinished['usage_source'] },
    traceId: string | null,
  ): AttemptFinished {
    const { head } = this;
    return {
      v: 1,
      type: 'attempt.finished',
      attempt_id: started.attemptId,
      request_id: head.requestId,
      organization_id: head.caller.organizationId,
      project_id: head.caller.projectId,
      key_id: head.caller.keyId,
      witness: 'worker',
      endpoint: head.endpoint,
      model: head.model,
      provider: started.provider,
      upstream_model: started.upstreamModel,
      upstream_request_id: attempt.upstreamRequestId,
      upstream_status: attempt.status,
      outcome: end.outcome,
      content_delivered: attempt.delivered,
      usage_source: metered.source,
      usage: metered.usage,
      ...(Object.keys(metered.measured).length > 0 && { measured: metered.measured }),
      price: started.price,
      held: head.hold !== null,
      started_at: started.startedAt,
      first_byte_at: attempt.firstByteAt,
      finished_at: Date.now(),
      trace_id: traceId,
    };
  }
}

function chargeIn(usage: Usage, price: Price): bigint | undefined {
  try {
    return chargeOf(usage, price);
  } catch (error) {
    if (error instanceof UnpricedUnitError) return undefined;
    throw error;
  }
}
