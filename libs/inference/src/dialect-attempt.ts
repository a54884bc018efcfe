import { GatewayError } from '#libs/contracts';
import {
  type Dialect,
  type DialectSettings,
  type EgressFetch,
  failureOfDialect,
  openEgressFetch,
  type UpstreamFailure,
} from '#libs/providers';
import { abortOutcome } from './abort-outcome.js';
import { answerMemoryFull } from './answer-memory.js';
import type { WholeAnswer } from './answer-reader.js';
import { answerHeaders, writeWhole } from './answer-sender.js';
import type { AnswerReport, Attempt, AttemptEnd, AttemptRoute, AttemptSource, MeteredUsage } from './attempt.js';

/** What an endpoint does in a vendor's own protocol. */
export interface DialectWork {
  /**
   * Asks the vendor and renders OpenAI's answer. What it throws is mapped by `failureOfDialect`; a `GatewayError` is the
   * caller's fault and ends the request.
   */
  ask(dialect: Dialect, settings: DialectSettings, signal: AbortSignal): Promise<WholeAnswer>;
  /** For an answer of which the vendor reported no usage. */
  count(answer: WholeAnswer): Promise<MeteredUsage> | MeteredUsage;
}

/** One call of an upstream in its own protocol: the answer comes whole. */
export class DialectAttempt implements Attempt {
  readonly finishReason = '';
  firstByteAt: number | null = null;
  private answer: WholeAnswer | undefined;
  private way: EgressFetch | undefined;

  constructor(
    private readonly source: AttemptSource,
    private readonly work: DialectWork,
  ) {}

  get status(): number | null {
    return this.way?.status ?? null;
  }

  get upstreamRequestId(): string | null {
    return this.way?.upstreamRequestId ?? null;
  }

  get upstreamModel(): string | undefined {
    return this.answer?.upstreamModel;
  }

  get usageDisbelieved(): boolean {
    return this.answer?.usageDisbelieved === true;
  }

  get delivered(): boolean {
    return this.answer !== undefined;
  }

  async run({ egress, ownHeaders }: AttemptRoute): Promise<AttemptEnd> {
    const { call, target, answers } = this.source;
    const { upstream } = target;
    const { signal } = call;
    if (signal.aborted) return { outcome: abortOutcome(signal), failure: undefined };
    let held = 0;
    const gather = (bytes: number): void => {
      if (!answers.take(bytes)) throw answerMemoryFull();
      held += bytes;
    };
    const way = openEgressFetch({ egress, upstream, signal, ownHeaders, gather });
    this.way = way;
    try {
      this.answer = await upstream.speak(way.fetch, (dialect, settings) => this.work.ask(dialect, settings, signal));
    } catch (error) {
      answers.giveBack(held);
      if (signal.aborted) return { outcome: abortOutcome(signal), failure: undefined };
      const failure = this.failureOf(error);
      return { outcome: failure.kind === 'timeout' ? 'timeout' : 'upstream_error', failure };
    } finally {
      way.close();
    }
    this.firstByteAt = Date.now();
    return { outcome: 'done', failure: undefined };
  }

  async meter(): Promise<MeteredUsage> {
    const { answer } = this;
    if (!answer) return { usage: {}, source: 'none' };
    return answer.usage ? { usage: answer.usage, source: 'provider' } : this.work.count(answer);
  }

  async complete(report: AnswerReport): Promise<void> {
    const { call, target } = this.source;
    if (!this.answer) return;
    const { body, contentType } = this.answer;
    const headers = answerHeaders({ headers: {}, provider: target.upstream.id }, contentType, report);
    call.sendHead({ status: 200, headers });
    await writeWhole(call, body);
  }

  breakOff(): boolean {
    return false;
  }

  private failureOf(error: unknown): UpstreamFailure {
    if (error instanceof GatewayError) {
      return { kind: 'rejected', failover: false, repeatable: false, retryAfterMs: undefined, error };
    }
    const { head, target } = this.source;
    const { upstreamModel } = target.deployment;
    return failureOfDialect(error, { upstream: target.upstream, model: head.model, upstreamModel });
  }
}
