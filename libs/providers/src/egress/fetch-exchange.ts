import type { UpstreamRequest } from '../upstream.js';
import type { EgressClient, UpstreamHandle, UpstreamHeaders, UpstreamSink } from './egress-client.js';
import { headerText, upstreamRequestId } from './response-headers.js';
import { UpstreamError } from './upstream-error.js';

/** The largest answers are images in base64. */
const maxAnswerBytes = 50 * 1024 * 1024;
/** Beyond, the socket is not read until somebody reads here. */
const bufferedBytes = 256 * 1024;
/** By the standard a `Response` of these has no body. */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

export interface FetchExchangeOptions {
  readonly signal: AbortSignal;
  /** Throws where there is no room for so many bytes more. */
  readonly gather: ((bytes: number) => void) | undefined;
  readonly onOver: () => void;
}

/** One HTTP request of a vendor's package: the egress client's events as a `Response`. */
export class FetchExchange implements UpstreamSink {
  status: number | null = null;
  upstreamRequestId: string | null = null;
  private readonly response = Promise.withResolvers<Response>();
  private body: ReadableStreamDefaultController<Uint8Array> | undefined;
  private handle: UpstreamHandle | undefined;
  private onAnswer: (exchange: FetchExchange) => void = () => undefined;
  private bytes = 0;
  private over = false;
  private readonly onAbort = () => this.giveUp();

  constructor(private readonly options: FetchExchangeOptions) {}

  /** Resolves with the head of the answer, rejects with an `UpstreamError` or, after an abort, an `AbortError`. */
  run(egress: EgressClient, request: UpstreamRequest, onAnswer: (exchange: FetchExchange) => void): Promise<Response> {
    this.onAnswer = onAnswer;
    this.options.signal.addEventListener('abort', this.onAbort, { once: true });
    this.handle = egress.send(request, this);
    return this.response.promise;
  }

  giveUp(): void {
    this.fail(new DOMException('The call is over.', 'AbortError'));
  }

  onHead(status: number, headers: UpstreamHeaders): void {
    this.status = status;
    this.upstreamRequestId = upstreamRequestId(headers);
    this.onAnswer(this);
    const encoding = headerText(headers, 'content-encoding');
    if (encoding !== undefined && encoding !== 'identity') {
      this.fail(new UpstreamError('protocol', 'CONTENT_ENCODING'));
      return;
    }
    try {
      this.answer(status, headers);
    } catch {
      // No status or header that a `Response` can have.
      this.fail(new UpstreamError('protocol', 'HEAD'));
    }
  }

  private answer(status: number, headers: UpstreamHeaders): void {
    const strategy = new ByteLengthQueuingStrategy({ highWaterMark: bufferedBytes });
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.body = controller),
        pull: () => this.handle?.resume(),
        cancel: () => this.end(),
      },
      strategy,
    );
    this.response.resolve(new Response(bodiless.has(status) ? null : stream, { status, headers: headersOf(headers) }));
  }

  onData(chunk: Buffer): boolean {
    this.bytes += chunk.length;
    if (this.bytes > maxAnswerBytes) {
      this.fail(new UpstreamError('protocol', 'TOO_LARGE'));
      return true;
    }
    try {
      this.options.gather?.(chunk.length);
    } catch (error) {
      this.fail(error as Error);
      return true;
    }
    this.body?.enqueue(chunk);
    return (this.body?.desiredSize ?? 1) > 0;
  }

  onEnd(): void {
    this.body?.close();
    this.end();
  }

  onError(error: UpstreamError): void {
    this.fail(error);
  }

  private fail(error: Error): void {
    if (this.over) return;
    this.end();
    this.response.reject(error);
    this.body?.error(error);
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    this.options.signal.removeEventListener('abort', this.onAbort);
    this.handle?.abort();
    this.options.onOver();
  }
}

function headersOf(headers: UpstreamHeaders): Headers {
  const kept = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name === 'set-cookie') continue;
    for (const text of Array.isArray(value) ? value : [value]) kept.append(name, text);
  }
  return kept;
}
