import type { GatewayError } from '#libs/contracts';
import {
  type FailureContext,
  failureOfAnswer,
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
import { failureOfFullMemory } from './answer-memory.js';
import { answerHeaders, writeWhole } from './answer-sender.js';
import type { FlowReader, FlowStep, OpenAnswer, WholeAnswer, WholeReader } from './answer-reader.js';
import type { AnswerReport, Attempt, AttemptEnd, AttemptRoute, AttemptSource, MeteredUsage } from './attempt.js';
import { interruptedError } from './in-band-error.js';
import { abortOutcome } from './abort-outcome.js';

const maxErrorBytes = 64 * 1024;
/** What may follow the end of a stream on a connection that is to be used again. */
const maxTrailingBytes = 64 * 1024;

/** What an endpoint adds to the relaying of bytes. */
export interface RelayOptions {
  /** Made when the attempt starts, so that a body that is a stream is opened once per attempt. */
  request(ownHeaders: readonly string[]): UpstreamRequest;
  readonly open: OpenAnswer;
  /** For an answer that was delivered and of which the provider reported nothing. */
  count(delivered: { readonly bytes: number }): Promise<MeteredUsage> | MeteredUsage;
}

/** One call of an upstream that speaks OpenAI's wire: its bytes are passed on, whole or as they come, with back-pressure. */
export class RelayAttempt implements Attempt, UpstreamSink {
  status: number | null = null;
  upstreamRequestId: string | null = null;
  readonly finishReason = '';
  delivered = false;
  firstByteAt: number | null = null;
  unsaid: GatewayError | undefined;
  private readonly context: FailureContext;
  private headers: UpstreamHeaders = {};
  private reader: WholeReader | FlowReader | undefined;
  private gathered: Buffer[] = [];
  private gatheredBytes = 0;
  /** Taken from the call's share of the memory for answers. */
  private heldBytes = 0;
  private sentBytes = 0;
  private trailingBytes = 0;
  private answer: WholeAnswer | undefined;
  private over = false;
  private handle: UpstreamHandle | undefined;
  private readonly ended = Promise.withResolvers<AttemptEnd>();

  constructor(
    private readonly source: AttemptSource,
    private readonly options: RelayOptions,
  ) {
    const { head, target } = source;
    const { upstreamModel } = target.deployment;
    this.context = { upstream: target.upstream, model: head.model, upstreamModel };
  }

  get upstreamModel(): string | undefined {
    return this.answer?.upstreamModel ?? this.flow?.upstreamModel;
  }

  get usageDisbelieved(): boolean {
    return (this.answer?.usageDisbelieved ?? this.flow?.usageDisbelieved) === true;
  }

  async run({ egress, ownHeaders }: AttemptRoute): Promise<AttemptEnd> {
    const { signal } = this.source.call;
    if (signal.aborted) return { outcome: abortOutcome(signal), failure: undefined };
    const onAbort = () => this.settle({ outcome: abortOutcome(signal), failure: undefined });
    signal.addEventListener('abort', onAbort, { once: true });
    this.handle = egress.send(this.options.request(ownHeaders), this);
    try {
      return await this.ended.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async meter({ outcome }: AttemptEnd): Promise<MeteredUsage> {
    if (!this.delivered && outcome !== 'done') return { usage: {}, source: 'none' };
    const usage = this.answer?.usage ?? this.flow?.usage;
    if (usage) return { usage, source: 'provider' };
    return this.options.count({ bytes: this.answer?.body.length ?? this.sentBytes });
  }

  async complete(report: AnswerReport): Promise<void> {
    const { answer } = this;
    if (!answer) return;
    this.sendHead(answer.contentType, report);
    await writeWhole(this.source.call, answer.body);
  }

  breakOff(error: GatewayError): boolean {
    const bytes = this.flow?.errorBytes?.(error);
    if (bytes) this.source.call.write(bytes);
    return bytes !== undefined;
  }

  onHead(status: number, headers: UpstreamHeaders): void {
    this.status = status;
    this.headers = headers;
    this.upstreamRequestId = upstreamRequestId(headers);
    const encoding = headerText(headers, 'content-encoding');
    if (encoding !== undefined && encoding !== 'identity') {
      // We asked for plain bytes; unpacking a stranger's archive is how memory is filled.
      this.fail(failureOfGarbage(this.context));
      return;
    }
    if (this.isOk) this.guard(() => (this.reader = this.options.open(headers)));
  }

  onData(chunk: Buffer): boolean {
    const { reader } = this;
    if (this.over) return this.afterEnd(chunk);
    if (reader?.kind === 'flow') return this.guard(() => this.pass(reader.push(chunk))) ?? true;
    this.gatheredBytes += chunk.length;
    if (this.gatheredBytes <= (reader?.maxBytes ?? maxErrorBytes)) this.gather(chunk);
    else if (reader) this.fail(failureOfGarbage(this.context));
    else this.readError();
    return true;
  }

  onEnd(): void {
    const { reader } = this;
    if (this.over) return;
    if (reader?.kind === 'flow') this.guard(() => this.endFlow(reader));
    else if (reader) void this.readWhole(reader);
    else this.readError();
  }

  onError(error: UpstreamError): void {
    const failure = failureOfTransport(error, this.context);
    // Half an answer was made, and will be on the bill: to ask again would double it.
    this.fail({ ...failure, repeatable: failure.repeatable && this.status === null });
  }

  private get flow(): FlowReader | undefined {
    return this.reader?.kind === 'flow' ? this.reader : undefined;
  }

  private get isOk(): boolean {
    return this.status !== null && this.status >= 200 && this.status < 300;
  }

  /** An error's text is small, and worth more than the memory it takes. */
  private gather(chunk: Buffer): void {
    if (this.reader && !this.source.answers.take(chunk.length)) {
      this.fail(failureOfFullMemory());
      return;
    }
    if (this.reader) this.heldBytes += chunk.length;
    this.gathered.push(chunk);
  }

  /** Nothing is to follow; who goes on all the same loses the connection. */
  private afterEnd(chunk: Buffer): boolean {
    this.trailingBytes += chunk.length;
    if (this.trailingBytes > maxTrailingBytes) this.handle?.abort();
    return true;
  }

  private pass({ write, done, failure }: FlowStep): boolean {
    const flowing = write === undefined || write.length === 0 || this.send(write);
    if (failure) this.fail(failure);
    // The connection is used again once the upstream has closed the answer too; nobody waits for that.
    else if (done) this.settle({ outcome: 'done', failure: undefined });
    if (flowing || this.over) return true;
    void this.source.call.writable().then(() => this.handle?.resume());
    return false;
  }

  private send(bytes: Uint8Array): boolean {
    if (!this.delivered) {
      this.delivered = true;
      this.firstByteAt = Date.now();
      this.sendHead((this.reader as FlowReader).contentType);
    }
    this.sentBytes += bytes.length;
    return this.source.call.write(bytes);
  }

  private endFlow(reader: FlowReader): void {
    const { complete, write, failure } = reader.finish();
    this.pass({ ...(write && { write }), ...(failure && { failure }) });
    if (this.over) return;
    if (complete) this.settle({ outcome: 'done', failure: undefined });
    else this.fail(failureOfGarbage(this.context));
  }

  /** A reader that throws has met an answer that nobody foresaw: that is the upstream's failure, not this process's end. */
  private guard<Result>(read: () => Result): Result | undefined {
    try {
      return read();
    } catch {
      this.fail(failureOfGarbage(this.context));
      return undefined;
    }
  }

  private async readWhole(reader: WholeReader): Promise<void> {
    const body = Buffer.concat(this.gathered, this.gatheredBytes);
    // Or both would be held while it is read.
    this.gathered = [];
    const answer = await Promise.resolve()
      .then(() => reader.read(body, this.headers))
      .catch(() => failureOfGarbage(this.context));
    if (this.over) return;
    if (answer.kind !== 'answer') {
      this.fail(answer);
      return;
    }
    this.answer = answer;
    this.delivered = true;
    this.firstByteAt = Date.now();
    this.settle({ outcome: 'done', failure: undefined });
  }

  private readError(): void {
    const { status, headers, context } = this;
    const body = Buffer.concat(this.gathered);
    this.gathered = [];
    this.fail(failureOfAnswer({ status: status ?? 0, headers, body }, context));
  }

  private sendHead(contentType: string, report?: AnswerReport): void {
    const { call, target } = this.source;
    const headers = answerHeaders({ headers: this.headers, provider: target.upstream.id }, contentType, report);
    call.sendHead({ status: 200, headers });
  }

  /** After the first content the caller hears of it in-band, or by a broken connection. */
  private fail(failure: UpstreamFailure): void {
    if (this.over) return;
    const outcome = this.delivered ? 'truncated' : 'upstream_error';
    const told = interruptedError(failure);
    if (this.delivered && !this.breakOff(told)) this.unsaid = told;
    this.settle({ outcome: failure.kind === 'timeout' ? 'timeout' : outcome, failure });
  }

  private settle(end: AttemptEnd): void {
    if (this.over) return;
    this.over = true;
    if (end.outcome !== 'done') this.giveUp();
    this.ended.resolve(end);
  }
  private giveUp(): void {
    this.handle?.abort();
    this.gathered = [];
    this.source.answers.giveBack(this.heldBytes);
    this.heldBytes = 0;
  }
}
