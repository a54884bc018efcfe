import type { Caller, KeyPolicy } from '#libs/contracts';
import { type Logger, type SpanHandle, traceIdOf, tracing } from '#libs/telemetry';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the first hook; what is known of the request, for the guard, the log line and the span. */
    record: RequestRecord;
  }
  interface FastifyContextConfig {
    /** Reachable without a key; see `@Public()`. */
    public?: boolean;
  }
}

/** Status of a request whose client left before the answer, as nginx logs it. */
const clientClosedRequest = 499;

/** What is known of one HTTP request. Becomes one log line and one span when its response closes. */
export class RequestRecord {
  readonly startedAt = performance.now();
  /** Undefined until the key was found good. */
  identity: { readonly caller: Caller; readonly policy: KeyPolicy } | undefined;
  /** `x-ratelimit-*`, names and values in turn, where limits apply. */
  limitHeaders: readonly string[] | undefined;
  /** All tokens of the answer, as the worker counted them. */
  tokens: number | undefined;
  endpoint: string | undefined;
  model: string | undefined;
  provider: string | undefined;
  /** Of the error that the caller was told, or that ended a stream. */
  code: string | undefined;
  private closers: (() => void)[] | undefined;
  private closed = false;

  constructor(
    readonly id: string,
    readonly span: SpanHandle,
    /** Probes would drown the log. */
    private readonly quiet: boolean,
  ) {}

  get caller(): Caller | undefined {
    return this.identity?.caller;
  }

  get elapsedMs(): number {
    return Math.round(performance.now() - this.startedAt);
  }

  /** Nobody is there any more to be answered. */
  get isClosed(): boolean {
    return this.closed;
  }

  /**
   * Calls back once when the response closed, finished or not; at once if it is closed already. The last one that was
   * added is called first: what was opened on top of something is over before it.
   */
  whenClosed(closer: () => void): void {
    if (this.closed) closer();
    else if (this.closers) this.closers.push(closer);
    else this.closers = [closer];
  }

  /** The response is closed: `status` is what was sent, undefined when nothing was. */
  close(status: number | undefined, complete: boolean, logger: Logger): void {
    this.closed = true;
    for (const closer of this.closers?.toReversed() ?? []) closer();
    this.closers = undefined;
    const code = this.code ?? (complete ? undefined : 'client_closed');
    const shown = status ?? clientClosedRequest;
    tracing.end(this.span, { 'http.response.status_code': shown }, shown >= 500 || !complete ? code : undefined);
    if (!this.quiet) logger.info(this.fields(shown, code), 'request');
  }

  private fields(status: number, code: string | undefined): Parameters<Logger['info']>[0] {
    return {
      requestId: this.id,
      status,
      durationMs: this.elapsedMs,
      ...(this.span && { traceId: traceIdOf(this.span) }),
      ...(this.endpoint !== undefined && { endpoint: this.endpoint }),
      ...(this.model !== undefined && { model: this.model }),
      ...(this.provider !== undefined && { provider: this.provider }),
      ...(this.caller && { organizationId: this.caller.organizationId, keyId: this.caller.keyId }),
      ...(code !== undefined && { code }),
    };
  }
}
