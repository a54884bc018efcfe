import type { AttemptOutcome, InferenceCallHead, Usage } from '#libs/contracts';
import type { IncomingCall } from '#libs/messaging';
import {
  ChatStream,
  type DeliveredText,
  type EgressClient,
  type FailureContext,
  failureOfErrorObject,
  failureOfGarbage,
  failureOfTransport,
  headerText,
  type UpstreamError,
  type UpstreamFailure,
  type UpstreamHandle,
  type UpstreamHeaders,
  upstreamRequestId,
  type UpstreamRequest,
  type UpstreamSink,
} from '#libs/providers';
import { CallerAnswer } from './caller-answer.js';
import { balanceError, interruptedError, ledgerError } from './in-band-error.js';
import type { PaidOutput } from './paid-output.js';
import type { PausePoints } from './pause-points.js';
import { isOk, mayBeEvents, UpstreamBody } from './upstream-body.js';
import { UpstreamDrain } from './upstream-drain.js';

/** What may follow `[DONE]` on a connection that is to be used again. */
const maxTrailingBytes = 64 * 1024;

/** How an upstream call ended. */
export interface AttemptEnd {
  readonly outcome: AttemptOutcome;
  /** Set unless the outcome is `done` or the caller's own doing. */
  readonly failure: UpstreamFailure | undefined;
}

/** What an attempt needs beside its call. */
export interface AttemptParts {
  readonly context: FailureContext;
  /** Set for a stream with a hold. */
  readonly paid: PaidOutput | undefined;
  readonly pauses: PausePoints;
}

/**
 * One upstream call: bytes go to the caller as they come, with back-pressure, and everything that the meter wants to
 * know is learned beside them. Nothing reaches the caller before the first content, so until then a failure is another
 * provider's chance.
 */
export class ChatAttempt implements UpstreamSink {
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
  private trailingBytes = 0;
  /** For the ledger: all that is paid for is used. */
  private waiting = false;
  private drain: UpstreamDrain | undefined;
  private over = false;
  private handle: UpstreamHandle | undefined;
  private readonly ended = Promise.withResolvers<AttemptEnd>();

  constructor(
    private readonly call: IncomingCall,
    private readonly head: InferenceCallHead,
    private readonly parts: AttemptParts,
  ) {
    this.context = parts.context;
    this.answer = new CallerAnswer(call, head, parts.context.upstream.id, parts.pauses);
  }

  /** Content, or an in-band error, went to the caller. */
  get delivered(): boolean {
    return this.answer.delivered;
  }

  /** Resolves when the call is over and everything was written; never rejects for a failure of the upstream. */
  async run(egress: EgressClient, request: UpstreamRequest): Promise<AttemptEnd> {
    const { signal } = this.call;
    if (signal.aborted) return { outcome: outcomeOf(signal), failure: undefined };
    const onAbort = () => this.aborted();
    signal.addEventListener('abort', onAbort, { once: true });
    this.handle = egress.send(request, this);
    try {
      return await this.ended.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Text that reached the caller, or would have, for counting. */
  get text(): DeliveredText | undefined {
    return this.delivered || this.drained ? (this.stream?.text ?? this.answerText?.()) : undefined;
  }

  onHead(status: number, headers: UpstreamHeaders): void {
    this.status = status;
    this.answer.upstreamHeaders = headers;
    this.upstreamRequestId = upstreamRequestId(headers);
    const encoding = headerText(headers, 'content-encoding');
    if (encoding !== undefined && encoding !== 'identity') {
      // We asked for plain bytes; unpacking a stranger's archive is how memory is filled.
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
      this.meter(this.stream);
    }
  }

  private meter(stream: ChatStream): void {
    const { paid } = this.parts;
    if (!paid) return;
    stream.outputLimit = paid.limit;
    paid.onAnswer = () => this.ledgerAnswered();
  }

  onData(chunk: Buffer): boolean {
    if (this.over) {
      this.trailingBytes += chunk.length;
      if (this.trailingBytes > maxTrailingBytes) this.handle?.abort();
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
    const { paid } = this.parts;
    // A stopped upstream hears nothing more; `true` only says that nobody is to resume it.
    if (paid && stream.outputTokens >= paid.lookAt && !this.mayGoOn(paid, stream)) return this.over;
    if (this.answer.flowing) return true;
    void this.call.writable().then(() => this.callerTakesMore());
    return false;
  }

  private callerTakesMore(): void {
    this.answer.flowing = true;
    if (!this.waiting && !this.answer.paused) this.handle?.resume();
  }

  /** False: nothing more is to be read until the ledger has answered, or at all. */
  private mayGoOn(paid: PaidOutput, stream: ChatStream): boolean {
    const verdict = paid.look(stream.outputTokens);
    if (verdict === 'stop') this.stopAtLimit(stream);
    this.waiting = verdict === 'wait';
    return verdict === 'go';
  }

  private ledgerAnswered(): void {
    const { paid } = this.parts;
    const { stream } = this;
    if (!paid || !stream || this.over || this.drain) return;
    stream.outputLimit = paid.limit;
    if (this.waiting && this.mayGoOn(paid, stream)) this.handle?.resume();
  }

  /** What was paid for is delivered: the answer ends as one that reached its length, and says why if that is not why. */
  private stopAtLimit(stream: ChatStream): void {
    const { answer } = this;
    this.handle?.abort();
    this.learn(stream);
    this.finishReason = 'length';
    const reason = this.parts.paid?.stopReason ?? 'length';
    if (reason === 'length') answer.endAtLength(stream.lengthChunk());
    else {
      answer.write(stream.lengthChunk());
      answer.writeError(reason === 'ledger' ? ledgerError() : balanceError());
    }
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
    const outcome = outcomeOf(this.call.signal);
    if (outcome !== 'client_abort' || !this.context.upstream.drainsAborted) {
      this.cut(outcome);
      return;
    }
    this.drained = true;
    this.drain = new UpstreamDrain(this.call, () => this.cut(outcome));
    // Whatever the hold was for, the provider bills it all.
    if (this.stream) this.stream.outputLimit = Infinity;
    if (this.waiting) this.handle?.resume();
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

/** By the reason of the call's signal; what is not here is the caller's doing. */
const abortOutcomes: Readonly<Record<string, AttemptOutcome>> = { deadline: 'timeout', drain: 'shutdown' };

function outcomeOf(signal: AbortSignal): AttemptOutcome {
  return abortOutcomes[String(signal.reason)] ?? 'client_abort';
}
