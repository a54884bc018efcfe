import type { AttemptOutcome, GatewayError, InferenceCallHead, Usage } from '#libs/contracts';
import type { IncomingCall } from '#libs/messaging';
import {
  ChatStream,
  type DeliveredText,
  type EgressClient,
  type FailureContext,
  failureOfAnswer,
  failureOfErrorObject,
  failureOfGarbage,
  failureOfTransport,
  headerText,
  readChatAnswer,
  relayedHeaders,
  type UpstreamError,
  type UpstreamFailure,
  type UpstreamHandle,
  type UpstreamHeaders,
  upstreamRequestId,
  type UpstreamRequest,
  type UpstreamSink,
} from '#libs/providers';
import { inBandError, interruptedError } from './in-band-error.js';

/** An audio answer is the largest there is. */
const maxAnswerBytes = 50 * 1024 * 1024;
const maxErrorBytes = 64 * 1024;
/** What may follow `[DONE]` on a connection that is to be used again. */
const maxTrailingBytes = 64 * 1024;
const writeBytes = 32 * 1024;

/** How an upstream call ended. */
export interface AttemptEnd {
  readonly outcome: AttemptOutcome;
  /** Set unless the outcome is `done` or the caller's own doing. */
  readonly failure: UpstreamFailure | undefined;
}

/**
 * One upstream call: bytes go to the caller as they come, with back-pressure, and everything that the meter wants to
 * know is learned beside them. Nothing reaches the caller before the first content, so until then a failure is another
 * provider's chance.
 */
export class ChatAttempt implements UpstreamSink {
  status: number | null = null;
  upstreamRequestId: string | null = null;
  firstByteAt: number | null = null;
  usage: Usage | undefined;
  usageDisbelieved = false;
  finishReason = '';
  upstreamModel: string | undefined;
  /** Content, or an in-band error, went to the caller. */
  delivered = false;
  private held: Uint8Array | undefined;
  private headers: UpstreamHeaders = {};
  private stream: ChatStream | undefined;
  private answerText: (() => DeliveredText) | undefined;
  private parts: Buffer[] = [];
  private partBytes = 0;
  private trailingBytes = 0;
  private flowing = true;
  private over = false;
  private handle: UpstreamHandle | undefined;
  private readonly ended = Promise.withResolvers<AttemptEnd>();

  constructor(
    private readonly call: IncomingCall,
    private readonly head: InferenceCallHead,
    private readonly context: FailureContext,
  ) {}

  /** Resolves when the call is over and everything was written; never rejects for a failure of the upstream. */
  async run(egress: EgressClient, request: UpstreamRequest): Promise<AttemptEnd> {
    const { signal } = this.call;
    const onAbort = () => this.aborted();
    signal.addEventListener('abort', onAbort, { once: true });
    this.handle = egress.send(request, this);
    if (signal.aborted) this.aborted();
    try {
      return await this.ended.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Text that reached the caller, for counting. */
  deliveredText(): DeliveredText | undefined {
    return this.delivered ? (this.stream?.text ?? this.answerText?.()) : undefined;
  }

  onHead(status: number, headers: UpstreamHeaders): void {
    this.status = status;
    this.headers = headers;
    this.upstreamRequestId = upstreamRequestId(headers);
    const encoding = headerText(headers, 'content-encoding');
    if (encoding !== undefined && encoding !== 'identity') {
      // We asked for plain bytes; unpacking a stranger's archive is how memory is filled.
      this.fail('upstream_error', failureOfGarbage(this.context));
      return;
    }
    if (this.isOk && this.head.stream && mayBeEvents(headers)) {
      this.stream = new ChatStream({
        model: this.head.model,
        withholdUsage: !this.head.includeUsage,
        write: (bytes) => this.write(bytes),
      });
    }
  }

  onData(chunk: Buffer): boolean {
    if (this.over) {
      this.trailingBytes += chunk.length;
      if (this.trailingBytes > maxTrailingBytes) this.handle?.abort();
      return true;
    }
    if (this.stream) return this.pushToStream(this.stream, chunk);
    this.partBytes += chunk.length;
    if (this.partBytes <= (this.isOk ? maxAnswerBytes : maxErrorBytes)) {
      this.parts.push(chunk);
      return true;
    }
    if (this.isOk) this.fail('upstream_error', failureOfGarbage(this.context));
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

  private get isOk(): boolean {
    return this.status !== null && this.status >= 200 && this.status < 300;
  }

  private pushToStream(stream: ChatStream, chunk: Buffer): boolean {
    stream.push(chunk);
    if (stream.fault) {
      const { kind, error } = stream.fault;
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
    if (this.flowing) return true;
    void this.call.writable().then(() => {
      this.flowing = true;
      this.handle?.resume();
    });
    return false;
  }

  /** A whole body, or an error. */
  private answered(): void {
    const body = this.parts.length === 1 ? (this.parts[0] as Buffer) : Buffer.concat(this.parts);
    this.parts = [];
    if (!this.isOk || this.head.stream) {
      const failure = this.isOk
        ? failureOfWhole(body, this.head.model, this.context)
        : failureOfAnswer({ status: this.status ?? 0, headers: this.headers, body }, this.context);
      this.fail(failure.kind === 'timeout' ? 'timeout' : 'upstream_error', failure);
      return;
    }
    const answer = readChatAnswer(body, this.head.model);
    if (answer.kind !== 'answer') {
      this.fail('upstream_error', failureOfNoAnswer(answer, this.context));
      return;
    }
    this.learn(answer);
    this.answerText = answer.deliveredText;
    if (answer.body.length <= writeBytes) this.holdWhole(answer.body);
    else void this.writeWhole(answer.body);
  }

  /** The caller can use nothing of it before the end: it leaves with the end, in one message instead of two. */
  private holdWhole(body: Uint8Array): void {
    this.delivered = true;
    this.firstByteAt = Date.now();
    this.held = body;
    this.settle({ outcome: 'done', failure: undefined });
  }

  /** Sends a whole answer that was held back for the end of the call. */
  deliverHeld(): void {
    if (!this.held) return;
    this.sendHead('application/json');
    this.call.write(this.held);
    this.held = undefined;
  }

  private async writeWhole(body: Uint8Array): Promise<void> {
    this.sendHead('application/json');
    for (let start = 0; start < body.length && !this.over; start += writeBytes) {
      if (!this.call.write(body.subarray(start, start + writeBytes))) await this.call.writable();
    }
    this.settle({ outcome: 'done', failure: undefined });
  }

  private write(bytes: Uint8Array): void {
    if (!this.delivered) this.sendHead('text/event-stream; charset=utf-8');
    this.flowing = this.call.write(bytes);
  }

  private sendHead(contentType: string): void {
    this.delivered = true;
    this.firstByteAt ??= Date.now();
    const headers = relayedHeaders(this.headers);
    headers['content-type'] = contentType;
    headers['x-modapi-provider'] = this.context.upstream.id;
    this.call.sendHead({ status: 200, headers });
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
    if (this.delivered) this.writeError(interruptedError(failure));
    this.handle?.abort();
    this.settle({ outcome, failure });
  }

  private aborted(): void {
    if (this.over) return;
    // First of all: an upstream that goes on costs money.
    this.handle?.abort();
    if (this.stream) this.learn(this.stream);
    this.settle({ outcome: abortOutcomes[String(this.call.signal.reason)] ?? 'client_abort', failure: undefined });
  }

  private writeError(error: GatewayError): void {
    this.call.write(inBandError(error, this.head.requestId));
  }

  private settle(end: AttemptEnd): void {
    if (this.over) return;
    this.over = true;
    this.ended.resolve(end);
  }
}

/** By the reason of the call's signal; what is not here is the caller's doing. */
const abortOutcomes: Readonly<Record<string, AttemptOutcome>> = { deadline: 'timeout', drain: 'shutdown' };

/** JSON and HTML are no event stream; what calls itself nothing may be one, and its first event will tell. */
function mayBeEvents(headers: UpstreamHeaders): boolean {
  return !/^(?:application\/(?:[\w.+-]*\+)?json|text\/html)\b/i.test(headerText(headers, 'content-type') ?? '');
}

/** A JSON body where a stream was asked for: an error object, or something that is no answer to this request. */
function failureOfWhole(body: Buffer, model: string, context: FailureContext): UpstreamFailure {
  const answer = readChatAnswer(body, model);
  return answer.kind === 'error' ? failureOfErrorObject(answer.error, context) : failureOfGarbage(context);
}

function failureOfNoAnswer(
  answer: { readonly kind: 'error'; readonly error: unknown } | { readonly kind: 'garbled' },
  context: FailureContext,
): UpstreamFailure {
  return answer.kind === 'error' ? failureOfErrorObject(answer.error, context) : failureOfGarbage(context);
}
