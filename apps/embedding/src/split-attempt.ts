import type { Usage } from '#libs/contracts';
import {
  abortOutcome,
  type AnswerReport,
  answerHeaders,
  type Attempt,
  type AttemptEnd,
  type AttemptRoute,
  type AttemptSource,
  type MeteredUsage,
  RelayAttempt,
  writeWhole,
} from '#libs/inference';
import type { IncomingCall } from '#libs/messaging';
import { EmbeddingsAnswer, type EmbeddingsRequest, failureOfGarbage } from '#libs/providers';
import { jsonType, maxAnswerBytes, readAnswer } from './embeddings-relay.js';
import { InputCount } from './input-count.js';

const maxAtOnce = 4;

/**
 * One attempt that takes several requests, since the upstream limits the inputs of one: in order, a few at once, joined
 * in order. All or nothing: the first part that fails fails the attempt and ends the others.
 */
export class SplitAttempt implements Attempt {
  readonly finishReason = '';
  firstByteAt: number | null = null;
  private readonly count: InputCount;
  private readonly parts: readonly EmbeddingsRequest[];
  private readonly attempts: RelayAttempt[] = [];
  private readonly answers: EmbeddingsAnswer[] = [];
  private answerBytes = 0;
  private failed: { readonly end: AttemptEnd; readonly attempt: RelayAttempt } | undefined;
  private body: Uint8Array | undefined;

  constructor(
    private readonly source: AttemptSource,
    private readonly request: EmbeddingsRequest,
    size: number,
  ) {
    this.count = new InputCount(request);
    this.parts = request.split(size);
  }

  get status(): number | null {
    return this.telling?.status ?? null;
  }

  get upstreamRequestId(): string | null {
    return this.telling?.upstreamRequestId ?? null;
  }

  get upstreamModel(): string | undefined {
    return this.answers[0]?.upstreamModel;
  }

  get usageDisbelieved(): boolean {
    return this.answers.some((answer) => answer?.usageDisbelieved);
  }

  get delivered(): boolean {
    return this.body !== undefined;
  }

  async run(route: AttemptRoute): Promise<AttemptEnd> {
    const { signal } = this.source.call;
    if (signal.aborted) return { outcome: abortOutcome(signal), failure: undefined };
    const stop = new AbortController();
    const onAbort = (): void => stop.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.runParts(route, stop);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    if (signal.aborted) return { outcome: abortOutcome(signal), failure: undefined };
    if (this.failed) return this.failed.end;
    this.body = await this.join();
    this.firstByteAt = Date.now();
    return { outcome: 'done', failure: undefined };
  }

  async meter(): Promise<MeteredUsage> {
    if (!this.body) return { usage: {}, source: 'none' };
    const usage = this.reported();
    return usage ? { usage, source: 'provider' } : this.count.usage();
  }

  async complete(report: AnswerReport): Promise<void> {
    const { call, target } = this.source;
    if (!this.body) return;
    const headers = answerHeaders({ headers: {}, provider: target.upstream.id }, jsonType, report);
    call.sendHead({ status: 200, headers });
    await writeWhole(call, this.body);
  }

  breakOff(): boolean {
    return false;
  }

  /** The upstream call that says most of the whole. */
  private get telling(): RelayAttempt | undefined {
    return this.failed?.attempt ?? this.attempts[0];
  }

  private async runParts(route: AttemptRoute, stop: AbortController): Promise<void> {
    let next = 0;
    const runner = async (): Promise<void> => {
      while (next < this.parts.length && !stop.signal.aborted) {
        const index = next++;
        const attempt = this.part(index, stop.signal);
        this.attempts[index] = attempt;
        const end = await attempt.run(route);
        if (end.outcome === 'done') continue;
        // To repeat the whole for a connection that broke would pay the other parts twice.
        this.failed ??= {
          attempt,
          end: { ...end, ...(end.failure && { failure: { ...end.failure, repeatable: false } }) },
        };
        stop.abort('part failed');
      }
    };
    await Promise.all(Array.from({ length: Math.min(maxAtOnce, this.parts.length) }, runner));
  }

  private part(index: number, signal: AbortSignal): RelayAttempt {
    const { head, target } = this.source;
    const { upstream, deployment } = target;
    const { upstreamModel } = deployment;
    const part = this.parts[index] as EmbeddingsRequest;
    const body = part.bodyFor(upstream.provider, upstreamModel);
    const context = { upstream, model: head.model, upstreamModel };
    const read = (bytes: Buffer) => {
      const answer = readAnswer(bytes, { items: part.inputs.length, request: part }, context);
      if (!(answer instanceof EmbeddingsAnswer)) return answer;
      this.answerBytes += bytes.length;
      if (this.answerBytes > maxAnswerBytes) return failureOfGarbage(context);
      this.answers[index] = answer;
      return { kind: 'answer' as const, body: nothing, contentType: jsonType, usage: undefined };
    };
    return new RelayAttempt(
      // The call as it is, but for its signal: a part ends with the others, too.
      { ...this.source, call: Object.create(this.source.call, { signal: { value: signal } }) as IncomingCall },
      {
        request: (ownHeaders) => upstream.request(head.endpoint, body, ownHeaders),
        open: () => ({ kind: 'whole', maxBytes: maxAnswerBytes, read }),
        count: () => this.count.usage(),
      },
    );
  }

  private async join(): Promise<Uint8Array> {
    const promptTokens = await this.count.promptTokens(this.reported()?.input);
    const { model } = this.source.head;
    return EmbeddingsAnswer.join(this.answers, { model, base64: this.request.base64, promptTokens });
  }

  /** The sum; undefined where a part reported nothing. */
  private reported(): Usage | undefined {
    let input = 0;
    for (const { usage } of this.answers) {
      if (usage?.input === undefined) return undefined;
      input += usage.input;
    }
    return { input };
  }
}

const nothing = new Uint8Array(0);
