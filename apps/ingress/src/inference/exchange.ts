import { GatewayError, type InferenceCallHead, type InferenceTrailer, subjectOf } from '#libs/contracts';
import type { CallError, CallHandle, ReplyHead, ReplySink } from '#libs/messaging';
import { currentTrace } from '#libs/telemetry';
import { AttemptAccount } from './attempt-account.js';
import { failureOf, isLost } from './call-failure.js';
import { CallerAnswer } from './caller-answer.js';
import type { ExchangeParts, RunningRequest } from './exchange-parts.js';
import { hasContent } from './lost-attempt.js';

/**
 * One HTTP answer out of one or more calls: another worker is asked as long as the caller has not seen a byte of
 * content; after that an error goes in-band, or breaks the connection.
 */
export class Exchange implements ReplySink {
  private readonly answer: CallerAnswer;
  private readonly account: AttemptAccount;
  private readonly endsAt: number;
  private handle: CallHandle | undefined;
  private keepAlive: NodeJS.Timeout | undefined;
  private over = false;
  private calls = 0;

  constructor(
    private readonly parts: ExchangeParts,
    private readonly asked: RunningRequest,
  ) {
    const source = { grant: (bytes: number) => this.handle?.grant(bytes), stalled: () => this.stalled() };
    this.answer = new CallerAnswer(parts, asked, source);
    const { head, running, model, request } = asked;
    this.account = new AttemptAccount(parts, { head, running, model, span: request.record.span });
    this.endsAt = performance.now() + parts.limits.deadlineMs;
  }

  start(): void {
    const { request, head } = this.asked;
    request.record.whenClosed(() => this.closed());
    if (head.stream) this.keepAlive = setInterval(() => this.answer.comment(), this.parts.limits.keepAliveMs);
    this.call(this.account.begin());
  }

  onNote(note: unknown): void {
    this.account.note(note);
  }

  onHead(head: ReplyHead): void {
    this.answer.takeHead(head);
  }

  onData(chunk: Uint8Array): void {
    if (this.answer.takeData(chunk)) return;
    this.handle?.cancel('not a stream');
    this.fail(new GatewayError('upstream_error', 'The provider did not answer with a stream. Retry the request.'));
  }

  onEnd(trailer: unknown): void {
    const { record } = this.asked.request;
    const { provider, tokens } = (trailer ?? {}) as Partial<InferenceTrailer>;
    Object.assign(record, { provider, tokens });
    this.finish();
    this.answer.end();
  }

  onError(error: CallError): void {
    if (this.over) return;
    if (isLost(error)) {
      this.account.lost(this.answer.delivered);
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
    this.account.lost(this.answer.delivered);
    this.releaseUnlessCharged();
  }

  private releaseUnlessCharged(): void {
    if (!hasContent(this.answer.delivered)) this.account.release();
  }

  private call(head: InferenceCallHead): void {
    const { request, running, endpoint } = this.asked;
    this.calls++;
    this.answer.restart();
    const deadlineMs = Math.max(1, Math.round(this.endsAt - performance.now()));
    const { span } = request.record;
    const trace = span && { trace: currentTrace(span) };
    const outgoing = { subject: subjectOf(endpoint), head, body: running.body, deadlineMs, ...trace };
    this.handle = this.parts.bus.call(outgoing, this);
  }

  private mayCallAgain(): boolean {
    const { maxCalls } = this.parts.limits;
    const { delivered } = this.answer;
    const seen = hasContent(delivered) || delivered.firstByteAt !== null;
    return !seen && this.calls < maxCalls && this.account.spent < maxCalls;
  }

  private fail(error: GatewayError): void {
    this.finish();
    const { record } = this.asked.request;
    record.code = error.code;
    if (error.code === 'internal_error') {
      this.parts.logger.error({ requestId: record.id, code: error.code, error }, 'a call failed inside the gateway');
    }
    this.answer.fail(error);
  }

  private stalled(): void {
    this.asked.request.record.code = 'slow_client';
    this.handle?.cancel('slow_client');
    this.finish();
    this.answer.destroy();
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
