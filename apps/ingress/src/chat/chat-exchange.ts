import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  chatCompletions,
  GatewayError,
  type InferenceCallHead,
  type InferenceTrailer,
  subjectOf,
} from '#libs/contracts';
import type { CallError, CallHandle, ReplyHead, ReplySink } from '#libs/messaging';
import { currentTrace } from '#libs/telemetry';
import type { AnswerHeaders } from '../http/answer-headers.js';
import { errorAnswer, inBandError } from '../http/error-answer.js';
import type { AnswerRecorder } from '../idempotency/answer-recorder.js';
import { AnswerWriter } from './answer-writer.js';
import { type AccountParts, AttemptAccount } from './attempt-account.js';
import { failureOf, isLost } from './call-failure.js';
import { type Delivered, hasContent } from './lost-attempt.js';
import { replyHeaders } from './reply-headers.js';
import { SseMeter } from './sse-meter.js';

/** Times and limits of a call; other values in tests. */
export interface ExchangeLimits {
  readonly deadlineMs: number;
  /** A stream without a byte for so long is opened and kept alive with comments. */
  readonly keepAliveMs: number;
  readonly stallMs: number;
  /** Calls for one request, the first included. */
  readonly maxCalls: number;
}

/** As long as the SDKs wait. */
export const exchangeLimits: ExchangeLimits = {
  deadlineMs: 600_000,
  keepAliveMs: 10_000,
  stallMs: 30_000,
  maxCalls: 3,
};

export interface ExchangeParts extends AccountParts {
  readonly answerHeaders: AnswerHeaders;
  readonly limits: ExchangeLimits;
}

/** One request on its way to a worker. */
export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly head: InferenceCallHead;
  readonly body: Buffer;
  readonly contextTokens: number | null;
  /** Of a request with an Idempotency-Key. */
  readonly recorder: AnswerRecorder | undefined;
}

const subject = subjectOf(chatCompletions);
const eventStream = ['content-type', 'text/event-stream; charset=utf-8', 'cache-control', 'no-cache'];
/** An answer in one piece is gathered up to here, then passed on as it comes. */
const gatheredBytes = 64 * 1024;

/**
 * One HTTP answer out of one or more calls: another worker is asked as long as the caller has not seen a byte of
 * content; after that an error goes in-band. The head goes out exactly once.
 */
export class ChatExchange implements ReplySink {
  private readonly writer: AnswerWriter;
  private readonly meter = new SseMeter();
  private readonly endsAt: number;
  private handle: CallHandle | undefined;
  private keepAlive: NodeJS.Timeout | undefined;
  private over = false;
  private calls = 0;
  private readonly account: AttemptAccount;
  private head: ReplyHead | undefined;
  private gathered: Buffer[] = [];
  private gatheredSize = 0;
  private silent = true;
  private bytesDelivered = 0;
  private firstByteAt: number | null = null;

  constructor(
    private readonly parts: ExchangeParts,
    private readonly exchange: Exchange,
  ) {
    const { limits } = parts;
    const events = { onWritten: (bytes: number) => this.handle?.grant(bytes), onStalled: () => this.stalled() };
    this.writer = new AnswerWriter(exchange.reply.raw, events, limits.stallMs);
    const { head, body, contextTokens, request } = exchange;
    this.account = new AttemptAccount(parts, { head, body, contextTokens, span: request.record.span });
    this.endsAt = performance.now() + limits.deadlineMs;
  }

  start(): void {
    const { request, head } = this.exchange;
    request.record.whenClosed(() => this.closed());
    if (head.stream) this.keepAlive = setInterval(() => this.comment(), this.parts.limits.keepAliveMs);
    this.call(this.account.begin());
  }

  onNote(note: unknown): void {
    this.account.note(note);
  }

  onHead(head: ReplyHead): void {
    this.head = head;
  }

  onData(chunk: Uint8Array): void {
    this.silent = false;
    const copy = Buffer.from(chunk); // it is valid during this callback only
    if (!this.isEvents) {
      this.gather(copy);
      return;
    }
    this.firstByteAt ??= Date.now();
    if (!this.writer.committed) this.commitStream();
    this.meter.see(copy);
    this.deliver(copy);
  }

  onEnd(trailer: unknown): void {
    const { record } = this.exchange.request;
    const { provider, tokens } = (trailer ?? {}) as Partial<InferenceTrailer>;
    Object.assign(record, { provider, tokens });
    this.finish();
    const { head } = this;
    if (!this.writer.committed) this.endWhole();
    else if (head) this.whenKept(head, () => this.writer.end());
    else this.writer.end();
  }

  onError(error: CallError): void {
    if (this.over) return;
    if (isLost(error)) {
      this.account.lost(this.delivered);
      if (this.mayCallAgain()) {
        this.call(this.account.beginAgain());
        return;
      }
      this.releaseUnlessCharged();
    }
    this.fail(failureOf(error));
  }

  /** The caller left or time was up, and the worker vanished before it could report what it had done until then. */
  onAbandoned(lateNotes: readonly unknown[]): void {
    for (const note of lateNotes) this.onNote(note);
    this.account.lost(this.delivered);
    this.releaseUnlessCharged();
  }

  private get isEvents(): boolean {
    return this.head?.headers['content-type']?.startsWith('text/event-stream') === true;
  }

  private get delivered(): Delivered {
    return { events: this.meter.events, bytes: this.bytesDelivered, firstByteAt: this.firstByteAt };
  }

  private releaseUnlessCharged(): void {
    if (!hasContent(this.delivered)) this.account.release();
  }

  private call(head: InferenceCallHead): void {
    const { request, body } = this.exchange;
    this.calls++;
    this.head = undefined;
    this.gathered = [];
    this.gatheredSize = 0;
    const deadlineMs = Math.max(1, Math.round(this.endsAt - performance.now()));
    const { span } = request.record;
    const trace = span && { trace: currentTrace(span) };
    this.handle = this.parts.bus.call({ subject, head, body, deadlineMs, ...trace }, this);
  }

  private mayCallAgain(): boolean {
    const { maxCalls } = this.parts.limits;
    const seen = hasContent(this.delivered) || this.firstByteAt !== null;
    return !seen && this.calls < maxCalls && this.account.spent < maxCalls;
  }

  private gather(chunk: Buffer): void {
    if (!this.writer.committed && this.gatheredSize + chunk.length <= gatheredBytes) {
      this.gathered.push(chunk);
      this.gatheredSize += chunk.length;
      this.handle?.grant(chunk.length);
      return;
    }
    if (this.writer.committed && this.exchange.head.stream) {
      this.handle?.cancel('not a stream');
      this.fail(new GatewayError('upstream_error', 'The provider did not answer with a stream. Retry the request.'));
      return;
    }
    if (!this.writer.committed) this.commitWhole();
    this.firstByteAt ??= Date.now();
    this.bytesDelivered += this.gatheredSize + chunk.length;
    for (const earlier of this.gathered.splice(0)) this.deliver(earlier);
    this.gatheredSize = 0;
    this.deliver(chunk);
  }

  private deliver(chunk: Buffer): void {
    this.exchange.recorder?.take(chunk);
    this.writer.write(chunk);
  }

  private commitStream(): void {
    this.writer.commit(this.head?.status ?? 200, [...eventStream, ...this.headers('content-type')]);
  }

  private commitWhole(): void {
    this.writer.commit(this.head?.status ?? 200, this.headers());
  }

  /** The worker's headers and ours, names and values in turn. */
  private headers(without?: string): string[] {
    const own = this.parts.answerHeaders.of(this.exchange.request);
    return this.head ? [...replyHeaders(this.head.headers, without), ...own] : own;
  }

  private endWhole(): void {
    const { head } = this;
    if (!head) {
      this.answer(new GatewayError('internal_error', 'The gateway got no answer from its worker. Retry the request.'));
      return;
    }
    const [only] = this.gathered;
    const body = only && this.gathered.length === 1 ? only : Buffer.concat(this.gathered, this.gatheredSize);
    this.exchange.recorder?.take(body);
    this.whenKept(head, () => this.writer.whole(head.status, this.headers(), body));
  }

  /** With an Idempotency-Key the caller has its whole answer only once a repetition would get it too. */
  private whenKept({ status, headers }: ReplyHead, send: () => void): void {
    const { recorder } = this.exchange;
    if (!recorder) {
      send();
      return;
    }
    void recorder.keep(status, headers).then(send); // never rejects
  }

  private fail(error: GatewayError): void {
    this.finish();
    const { record } = this.exchange.request;
    record.code = error.code;
    if (error.code === 'internal_error') {
      this.parts.logger.error({ requestId: record.id, code: error.code, error }, 'a call failed inside the gateway');
    }
    if (!this.writer.committed) this.answer(error);
    else if (this.exchange.head.stream) this.breakStream(error);
    else this.writer.destroy();
  }

  private answer(error: GatewayError): void {
    const { status, headers, body } = errorAnswer(error);
    const bytes = Buffer.from(body);
    this.exchange.recorder?.take(bytes);
    this.whenKept({ status, headers }, () => {
      const list = Object.entries(headers).flat();
      this.writer.whole(status, [...list, ...this.parts.answerHeaders.of(this.exchange.request)], bytes);
    });
  }

  private breakStream(error: GatewayError): void {
    const gap = this.meter.betweenEvents ? '' : '\n\n';
    this.writer.write(Buffer.from(gap + inBandError(error, this.exchange.request.record.id)));
    this.writer.end();
  }

  /** Load balancers cut silent connections. A comment is no content: another worker may still be asked. */
  private comment(): void {
    if (this.silent && this.meter.betweenEvents) {
      if (!this.writer.committed) this.commitStream();
      this.writer.write(Buffer.from(': keep-alive\n\n'));
    }
    this.silent = true;
  }

  private stalled(): void {
    this.exchange.request.record.code = 'slow_client';
    this.handle?.cancel('slow_client');
    this.finish();
    this.writer.destroy();
  }

  /** The response closed: if the answer was not out, nobody wants the rest. */
  private closed(): void {
    if (this.over) return;
    this.finish();
    this.handle?.cancel('client_closed');
  }

  private finish(): void {
    this.over = true;
    this.account.over();
    clearInterval(this.keepAlive);
  }
}
