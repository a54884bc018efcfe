import {
  type AttemptOutcome,
  chatCompletions,
  type GatewayError,
  type InferenceCallHead,
  type Usage,
} from '#libs/contracts';
import {
  abortOutcome,
  type AnswerReport,
  type Attempt,
  type AttemptEnd,
  type AttemptRoute,
  type AttemptSource,
  interruptedError,
  type MeteredUsage,
} from '#libs/inference';
import type { IncomingCall } from '#libs/messaging';
import {
  ChatStream,
  type DeliveredText,
  type FailureContext,
  failureOfErrorObject,
  failureOfGarbage,
  failureOfTransport,
  type UpstreamError,
  type UpstreamFailure,
  type UpstreamHandle,
  type UpstreamHeaders,
  upstreamRequestId,
  type UpstreamSink,
} from '#libs/providers';
import { usageOfAttempt } from './attempt-usage.js';
import { CallerAnswer } from './caller-answer.js';
import { type ChatBody, failureOfDownload } from './inline-media.js';
import { type GatedOutput, OutputGate } from './output-gate.js';
import type { PaidOutput } from './paid-output.js';
import { isOk, isPacked, mayBeEvents, UpstreamBody } from './upstream-body.js';
import { UpstreamDrain } from './upstream-drain.js';

/** What an attempt needs beside its source. */
export interface ChatAttemptParts {
  readonly body: ChatBody;
  /** Set for a stream with a hold. */
  readonly paid: PaidOutput | undefined;
}

/**
 * One upstream call: bytes go to the caller as they come, with back-pressure, and everything that the meter wants to
 * know is learned beside them. Nothing reaches the caller before the first content, so until then a failure is another
 * provider's chance.
 */
export class ChatAttempt implements Attempt, UpstreamSink, GatedOutput {
  status: number | null = null;
  upstreamRequestId: string | null = null;
  usage: Usage | undefined;
  usageDisbelieved = false;
  finishReason = '';
  upstreamModel: string | undefined;
  /** The caller left, and the rest was read without it. */
  drained = false;
  readonly answer: CallerAnswer;
  private readonly context: FailureContext;
  private stream: ChatStream | undefined;
  private answerText: (() => DeliveredText) | undefined;
  private readonly body = new UpstreamBody();
  private gate: OutputGate | undefined;
  private drain: UpstreamDrain | undefined;
  over = false;
  private handle: UpstreamHandle | undefined;
  private readonly ended = Promise.withResolvers<AttemptEnd>();

  private readonly call: IncomingCall;
  private readonly head: InferenceCallHead;

  constructor(
    { call, head, target, pauses }: AttemptSource,
    private readonly parts: ChatAttemptParts,
  ) {
    this.call = call;
    this.head = head;
    const { upstream } = target;
    this.context = { upstream, model: head.model, upstreamModel: target.deployment.upstreamModel };
    this.answer = new CallerAnswer(call, head, upstream.id, pauses);
  }

  /** Content, or an in-band error, went to the caller. */
  get delivered(): boolean {
    return this.answer.delivered;
  }

  get firstByteAt(): number | null {
    return this.answer.firstByteAt;
  }

  async run(route: AttemptRoute): Promise<AttemptEnd> {
    const { signal } = this.call;
    if (signal.aborted) return { outcome: abortOutcome(signal), failure: undefined };
    const onAbort = () => this.aborted();
    signal.addEventListener('abort', onAbort, { once: true });
    const { body } = this.parts;
    if (body instanceof Uint8Array) this.send(body, route);
    else void body(signal).then((made) => this.send(made, route), this.refuse);
    try {
      return await this.ended.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  private send(body: Uint8Array, { egress, ownHeaders }: AttemptRoute): void {
    if (this.over) return;
    const request = this.context.upstream.request(chatCompletions.id, body, ownHeaders);
    this.handle = egress.send(request, this);
  }

  private readonly refuse = (error: unknown) => this.fail('upstream_error', failureOfDownload(error));

  meter(end: AttemptEnd): Promise<MeteredUsage> {
    return usageOfAttempt(this, end, this.call.body);
  }

  complete(report: AnswerReport): Promise<void> {
    return this.answer.complete(report);
  }

  breakOff(error: GatewayError): boolean {
    if (!this.head.stream) return false;
    this.answer.writeError(error);
    return true;
  }

  /** Text that reached the caller, or would have, for counting. */
  get text(): DeliveredText | undefined {
    return this.delivered || this.drained ? (this.stream?.text ?? this.answerText?.()) : undefined;
  }

  onHead(status: number, headers: UpstreamHeaders): void {
    this.status = status;
    this.answer.upstreamHeaders = headers;
    this.upstreamRequestId = upstreamRequestId(headers);
    if (isPacked(headers)) {
      this.fail('upstream_error', failureOfGarbage(this.context));
      return;
    }
    if (isOk(status) && this.head.stream && mayBeEvents(headers)) {
      this.stream = new ChatStream({
        model: this.head.model,
        withholdUsage: !this.head.includeUsage,
        mayBeCut: this.parts.paid !== undefined,
        write: (bytes) => {
          if (!this.drain) this.answer.write(bytes);
        },
      });
      const { paid } = this.parts;
      if (paid) this.gate = new OutputGate(paid, this.stream, this);
    }
  }

  onData(chunk: Buffer): boolean {
    if (this.over) {
      if (!this.body.addTrailing(chunk)) this.handle?.abort();
      return true;
    }
    if (this.stream) return this.pushToStream(this.stream, chunk);
    if (this.body.add(chunk, !isOk(this.status))) return true;
    if (isOk(this.status)) this.fail('upstream_error', failureOfGarbage(this.context));
    else this.answered();
    return true;
  }

  onEnd(): void {
    if (this.over) return;
    const { stream } = this;
    if (!stream) {
      this.answered();
      return;
    }
    const complete = stream.finish();
    this.learn(stream);
    if (complete) this.settle({ outcome: 'done', failure: undefined });
    else this.fail(this.delivered ? 'truncated' : 'upstream_error', failureOfGarbage(this.context));
  }

  onError(error: UpstreamError): void {
    if (this.over) return;
    const failure = failureOfTransport(error, this.context);
    if (failure.kind === 'timeout') this.fail('timeout', failure);
    else if (this.delivered) this.fail('truncated', failure);
    // Half an answer was generated, and will be on the bill: to ask again would double it.
    else this.fail('upstream_error', { ...failure, repeatable: failure.repeatable && this.status === null });
  }

  private pushToStream(stream: ChatStream, chunk: Buffer): boolean {
    stream.push(chunk);
    const { fault } = stream;
    if (fault?.kind === 'limit') {
      this.stopAtLimit(stream);
      return true;
    }
    if (fault) {
      const { kind, error } = fault;
      const failure = kind === 'error' ? failureOfErrorObject(error, this.context) : failureOfGarbage(this.context);
      this.fail('upstream_error', failure);
      return true;
    }
    if (stream.done) {
      // The caller need not wait for the upstream to close; its connection is used again once it does.
      this.learn(stream);
      this.settle({ outcome: 'done', failure: undefined });
      return true;
    }
    if (this.drain) return true;
    // A stopped upstream hears nothing more; `true` only says that nobody is to resume it.
    if (this.gate && !this.gate.passes()) return this.over;
    if (this.answer.flowing) return true;
    void this.call.writable().then(() => this.callerTakesMore());
    return false;
  }

  private callerTakesMore(): void {
    this.answer.flowing = true;
    if (!this.gate?.waiting && !this.answer.paused) this.readOn();
  }

  readOn(): void {
    this.handle?.resume();
  }

  /** What was paid for is delivered: the answer ends as one that reached its length, and says why if that is not why. */
  stopAtLimit(stream: ChatStream): void {
    const { answer } = this;
    this.handle?.abort();
    this.learn(stream);
    this.finishReason = 'length';
    answer.endAtLimit(stream.lengthChunk(), this.parts.paid?.stopReason ?? 'length');
    this.settle({ outcome: 'balance_stop', failure: undefined });
  }

  /** A whole body, or an error. */
  private answered(): void {
    const { status, context, head, answer } = this;
    const whole = this.body.read({ status, headers: answer.upstreamHeaders, stream: head.stream }, context);
    if (whole.kind !== 'answer') {
      this.fail(whole.kind === 'timeout' ? 'timeout' : 'upstream_error', whole);
      return;
    }
    this.learn(whole);
    this.answerText = whole.deliveredText;
    if (!this.drain) answer.holdWhole(whole.body);
    this.settle({ outcome: 'done', failure: undefined });
  }

  private learn(source: Pick<ChatStream, 'usage' | 'usageDisbelieved' | 'finishReason' | 'upstreamModel'>): void {
    this.usage = source.usage;
    this.usageDisbelieved = source.usageDisbelieved;
    this.finishReason = source.finishReason;
    this.upstreamModel = source.upstreamModel;
  }

  /** Ends the attempt badly; after the first content the caller hears of it in-band, and gets no `[DONE]`. */
  private fail(outcome: AttemptOutcome, failure: UpstreamFailure): void {
    if (this.over) return;
    if (this.stream) this.learn(this.stream);
    if (this.delivered && !this.drain) this.answer.writeError(interruptedError(failure));
    this.handle?.abort();
    this.settle({ outcome, failure });
  }

  private aborted(): void {
    if (this.over) return;
    const outcome = abortOutcome(this.call.signal);
    if (outcome !== 'client_abort' || !this.context.upstream.drainsAborted || !this.handle) {
      this.cut(outcome);
      return;
    }
    this.drained = true;
    this.drain = new UpstreamDrain(this.call, () => this.cut(outcome));
    this.gate?.open();
  }

  private cut(outcome: AttemptOutcome): void {
    if (this.over) return;
    // First of all: an upstream that goes on costs money.
    this.handle?.abort();
    if (this.stream) this.learn(this.stream);
    this.settle({ outcome, failure: undefined });
  }

  private settle(end: AttemptEnd): void {
    if (this.over) return;
    this.over = true;
    this.drain?.end();
    // The caller left, however the rest went.
    this.ended.resolve(this.drain ? { outcome: 'client_abort', failure: undefined } : end);
  }
}
