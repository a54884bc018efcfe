import { type Catalog, type Deployment, wirePrice } from '#libs/catalog';
import {
  type AttemptStarted,
  chatCompletions,
  GatewayError,
  type InferenceCallHead,
  type InferenceTrailer,
  type Usage,
  type WirePrice,
} from '#libs/contracts';
import type { HoldsClient } from '#libs/holds';
import type { Bus, IncomingCall } from '#libs/messaging';
import { chatRequestBody, type EgressClient, finalError, type Upstream, type UpstreamFailure } from '#libs/providers';
import type { AttemptResult, Router, RoutePlan } from '#libs/routing';
import type { Logger } from '#libs/telemetry';
import { type AttemptEnd, ChatAttempt } from './chat-attempt.js';
import { AttemptReports } from './attempt-reports.js';
import { CallHold } from './call-hold.js';
import { ChatSpans } from './chat-spans.js';
import { inBandError } from './in-band-error.js';
import type { PausePoints, PauseStage } from './pause-points.js';

export interface ChatParts {
  readonly bus: Bus;
  readonly logger: Logger;
  readonly router: Router;
  readonly egress: EgressClient;
  readonly catalog: Catalog;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly holds: HoldsClient;
  readonly pauses: PausePoints;
}

/** A deployment that can be called, with the body it needs. */
interface Target {
  readonly deployment: Deployment;
  readonly upstream: Upstream;
  readonly body: Uint8Array;
  readonly price: WirePrice;
}

/** One chat completion: attempts in order until one delivers, each of them reported, then the end. */
export class ChatCall {
  private readonly failures: UpstreamFailure[] = [];
  private readonly reports: AttemptReports;
  private readonly spans: ChatSpans;
  private readonly hold: CallHold;
  private refusal: GatewayError | undefined;
  private accepted = false;

  constructor(
    private readonly call: IncomingCall,
    private readonly head: InferenceCallHead,
    private readonly parts: ChatParts,
  ) {
    this.reports = new AttemptReports(parts.bus, parts.logger, head);
    this.spans = new ChatSpans(call, head, parts.bus.kind);
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
    for (let target = this.nextTarget(plan); target; target = this.nextTarget(plan)) {
      const attempt = new ChatAttempt(this.call, this.head, {
        context: {
          upstream: target.upstream,
          model: this.head.model,
          upstreamModel: target.deployment.upstreamModel,
        },
        paid: this.head.stream ? this.hold.paidOutput(target.price) : undefined,
        pauses: this.parts.pauses,
      });
      const end = await this.attempt(target, attempt, plan);
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
    const priced = model.deployments.filter(({ price }) => price !== null);
    if (priced.length === 0) {
      const message = `The model \`${model.id}\` has no price yet, so it cannot be called. Its operator must set one.`;
      throw new GatewayError('model_not_priced', message, { param: 'model' });
    }
    const reachable = priced.filter(({ provider }) => upstreams.get(provider)?.serves(chatCompletions.id));
    if (reachable.length === 0) {
      const message = `No provider of \`${model.id}\` serves chat completions here.`;
      throw new GatewayError('model_not_supported', message, { param: 'model' });
    }
    return reachable;
  }

  private nextTarget(plan: RoutePlan): Target | undefined {
    if (this.call.signal.aborted) {
      throw new GatewayError('server_shutting_down', 'The call was given up before it was answered. Retry.');
    }
    for (let deployment = plan.next(); deployment; deployment = plan.next()) {
      const upstream = this.parts.upstreams.get(deployment.provider) as Upstream;
      const { upstreamModel } = deployment;
      const { provider } = upstream;
      try {
        const body = chatRequestBody({ body: this.call.body, head: this.head, upstreamModel, provider });
        return { deployment, upstream, body, price: this.head.price ?? wirePrice(deployment.price ?? {}) };
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        // This provider cannot do what is asked; another one of the model may.
        plan.report({ kind: 'skipped' });
        this.refusal = error;
      }
    }
    return undefined;
  }

  private async attempt(target: Target, attempt: ChatAttempt, plan: RoutePlan): Promise<AttemptEnd> {
    const { deployment, upstream, body, price } = target;
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
    const end = await attempt.run(this.parts.egress, upstream.request(chatCompletions.id, body, ownHeaders));
    await this.pauseAt('upstream-finished');
    await this.reports.add({ started, attempt, end, body: this.call.body }, this.spans.attemptTrace(span));
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
  private async close(end: AttemptEnd, attempt: ChatAttempt, trailer: Omit<InferenceTrailer, 'tokens'>): Promise<void> {
    this.spans.delivered(attempt, this.reports.last.usage);
    await this.reports.settled();
    await this.pauseAt('usage-stored');
    await attempt.answer.complete(this.reports.last);
    if (end.outcome === 'shutdown') this.tellOfShutdown(attempt);
    else if (attempt.delivered) this.call.end({ ...trailer, tokens: sumOf(this.reports.last.usage) });
    else this.call.fail(new GatewayError('upstream_timeout', 'The call was given up before it was answered.').toJson());
  }

  private tellOfShutdown(attempt: ChatAttempt): void {
    const error = new GatewayError(
      'server_shutting_down',
      'This server is shutting down. Retry: another one will answer.',
    );
    if (!attempt.delivered || !this.head.stream) {
      this.call.fail(error.toJson());
      return;
    }
    this.call.write(inBandError(error, this.head.requestId));
    this.call.end();
  }
}

function sumOf(usage: Usage): number {
  return Object.values(usage).reduce((sum, quantity) => sum + quantity, 0);
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
