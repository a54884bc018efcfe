import { type Catalog, type Deployment, type Model, priceOfWire, unpricedUnit, wirePrice } from '#libs/catalog';
import {
  type AttemptStarted,
  GatewayError,
  type InferenceCallHead,
  type InferenceTrailer,
  tokensOf,
} from '#libs/contracts';
import type { HoldsClient } from '#libs/holds';
import type { Bus, IncomingCall } from '#libs/messaging';
import { type EgressClient, finalError, type Upstream, type UpstreamFailure } from '#libs/providers';
import type { AttemptResult, Router, RoutePlan } from '#libs/routing';
import type { Logger } from '#libs/telemetry';
import type { AnswerShare } from './answer-memory.js';
import type { Attempt, AttemptEnd, EndpointWork, Target } from './attempt.js';
import { AttemptReports } from './attempt-reports.js';
import { CallHold } from './call-hold.js';
import { InferenceSpans } from './inference-spans.js';
import type { PausePoints, PauseStage } from './pause-points.js';

/** What all calls of a worker share, but for `answers`; catalog and upstreams as they were when the call began. */
export interface InferenceParts {
  readonly bus: Bus;
  readonly logger: Logger;
  readonly router: Router;
  readonly egress: EgressClient;
  readonly catalog: Catalog;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly holds: HoldsClient;
  readonly pauses: PausePoints;
  /** Of this call. */
  readonly answers: AnswerShare;
}

/** A target and the attempt that was made for it. */
interface Prepared {
  readonly target: Target;
  readonly attempt: Attempt;
}

/** One request at its worker: attempts in order until one delivers, each of them reported, then the end. */
export class InferenceCall {
  private readonly failures: UpstreamFailure[] = [];
  private readonly reports: AttemptReports;
  private readonly spans: InferenceSpans;
  private readonly hold: CallHold;
  private refusal: GatewayError | undefined;
  private accepted = false;

  constructor(
    private readonly call: IncomingCall,
    private readonly head: InferenceCallHead,
    private readonly work: EndpointWork,
    private readonly parts: InferenceParts,
  ) {
    this.reports = new AttemptReports(parts.bus, parts.logger, head);
    this.spans = new InferenceSpans(call, head, work.operation, parts.bus.kind);
    this.hold = new CallHold(parts.holds, head);
  }

  /** Ends the call, or rejects with what the caller is to hear. */
  async run(): Promise<void> {
    try {
      await this.attempts();
      this.spans.end();
    } catch (error) {
      this.spans.end(GatewayError.from(error).code);
      throw error;
    } finally {
      this.hold.end(this.reports.charged);
    }
  }

  private async attempts(): Promise<void> {
    const plan = this.parts.router.plan(this.candidates(), this.head.attemptsMade);
    for (let next = this.prepareNext(plan); next; next = this.prepareNext(plan)) {
      const { attempt, target } = next;
      const end = await this.attempt(next, plan);
      plan.report(resultOf(end));
      if (!end.failure || attempt.delivered) {
        await this.close(end, attempt, { attempts: plan.attempt, provider: target.deployment.provider });
        return;
      }
      this.failures.push(end.failure);
      if (!end.failure.failover) break;
    }
    await this.reports.settled();
    throw this.failures.length > 0 ? finalError(this.failures) : (this.refusal ?? finalError([]));
  }

  /** Deployments of the model that are priced and configured here. */
  private candidates(): readonly Deployment[] {
    const { catalog, upstreams } = this.parts;
    const model = catalog.find(this.head.model);
    if (!model) {
      const message = `The model \`${this.head.model}\` does not exist or you do not have access to it.`;
      throw new GatewayError('model_not_found', message, { param: 'model' });
    }
    const priced = this.chargeable(model);
    if (priced.length === 0) {
      const message = `The model \`${model.id}\` has no price for ${this.work.title}, so it cannot be called. Its operator must set one.`;
      throw new GatewayError('model_not_priced', message, { param: 'model' });
    }
    const reachable = priced.filter(({ provider }) => upstreams.get(provider)?.serves(this.work.endpoint));
    if (reachable.length === 0) {
      const message = `No provider of \`${model.id}\` serves ${this.work.title} here.`;
      throw new GatewayError('model_not_supported', message, { param: 'model' });
    }
    return reachable;
  }

  /** What could not be charged is not asked: it would be served for nothing. */
  private chargeable({ deployments }: Model): readonly Deployment[] {
    const { head, work } = this;
    const override = head.price && priceOfWire(head.price);
    return deployments.filter(({ price }) => price && unpricedUnit(work.endpoint, override ?? price) === undefined);
  }

  private prepareNext(plan: RoutePlan): Prepared | undefined {
    if (this.call.signal.aborted) {
      throw new GatewayError('server_shutting_down', 'The call was given up before it was answered. Retry.');
    }
    const { call, head, hold } = this;
    const { pauses, answers } = this.parts;
    for (let deployment = plan.next(); deployment; deployment = plan.next()) {
      const upstream = this.parts.upstreams.get(deployment.provider) as Upstream;
      const target = { deployment, upstream, price: head.price ?? wirePrice(deployment.price ?? {}) };
      try {
        return { target, attempt: this.work.prepare({ call, head, target, hold, pauses, answers }) };
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        // This provider cannot do what is asked; another one of the model may.
        plan.report({ kind: 'skipped' });
        this.refusal = error;
      }
    }
    return undefined;
  }

  private async attempt({ target, attempt }: Prepared, plan: RoutePlan): Promise<AttemptEnd> {
    const { deployment, upstream, price } = target;
    const started: AttemptStarted = {
      attemptId: `${this.head.requestId}#${plan.attempt}`,
      provider: deployment.provider,
      upstreamModel: deployment.upstreamModel,
      price,
      startedAt: Date.now(),
    };
    await this.record(plan, started);
    // Before the call: should this worker vanish, ingress accounts for it.
    if (this.accepted) this.call.note(started);
    else this.call.accept(started);
    this.accepted = true;
    await this.pauseAt('attempt-noted');
    const span = this.spans.startAttempt(upstream, plan.attempt);
    const ownHeaders = upstream.provider.ownServer
      ? ['x-modapi-attempt-id', started.attemptId, ...Object.entries(this.spans.traceOf(span)).flat()]
      : [];
    const end = await attempt.run({ egress: this.parts.egress, ownHeaders });
    await this.pauseAt('upstream-finished');
    await this.reports.add({ started, attempt, end }, this.spans.attemptTrace(span));
    this.spans.endAttempt(span, attempt, end);
    return end;
  }

  private async record(plan: RoutePlan, started: AttemptStarted): Promise<void> {
    try {
      await this.hold.record(plan.attempt, started);
    } catch (error) {
      plan.report({ kind: 'skipped' });
      await this.reports.settled();
      throw error;
    }
  }

  private async pauseAt(stage: PauseStage): Promise<void> {
    if (this.parts.pauses.stopsAt(stage, this.head.requestId)) await new Promise<never>(() => undefined);
  }

  /** Content was delivered, or the caller is gone. */
  private async close(end: AttemptEnd, attempt: Attempt, trailer: Omit<InferenceTrailer, 'tokens'>): Promise<void> {
    this.spans.delivered(attempt, this.reports.last.usage);
    await this.reports.settled();
    await this.pauseAt('usage-stored');
    await attempt.complete(this.reports.last);
    if (end.outcome === 'shutdown') this.tellOfShutdown(attempt);
    else if (attempt.unsaid) this.call.fail(attempt.unsaid.toJson());
    else if (attempt.delivered) this.call.end({ ...trailer, tokens: tokensOf(this.reports.last.usage) });
    else this.call.fail(new GatewayError('upstream_timeout', 'The call was given up before it was answered.').toJson());
  }

  private tellOfShutdown(attempt: Attempt): void {
    const error = new GatewayError(
      'server_shutting_down',
      'This server is shutting down. Retry: another one will answer.',
    );
    if (attempt.delivered && attempt.breakOff(error)) this.call.end();
    else this.call.fail(error.toJson());
  }
}

function resultOf({ outcome, failure }: AttemptEnd): AttemptResult {
  if (!failure) return { kind: outcome === 'done' ? 'success' : 'neutral' };
  switch (failure.kind) {
    case 'rejected':
      return { kind: 'success' }; // it answered, and rightly
    case 'rate_limited':
      return { kind: 'rate_limited', retryAfterMs: failure.retryAfterMs };
    case 'credential':
    case 'timeout':
    case 'unavailable':
    case 'broken':
      return { kind: 'failure', repeatable: failure.repeatable };
  }
}
