import type { Attributes } from '@opentelemetry/api';
import type { InferenceCallHead, Usage } from '#libs/contracts';
import type { Bus, IncomingCall, TraceHeaders } from '#libs/messaging';
import type { Upstream } from '#libs/providers';
import { currentTrace, type SpanHandle, traceIdOf, tracing } from '#libs/telemetry';
import type { Attempt, AttemptEnd } from './attempt.js';

const systems: Record<Bus['kind'], string> = { nats: 'nats', 'in-process': 'in_process' };

/**
 * Spans of one call: the hop over the bus, below it one logical GenAI call, below that one span per upstream call
 * (OpenTelemetry GenAI and messaging conventions). Never content. With tracing off nothing is made.
 */
export class InferenceSpans {
  private readonly hop: SpanHandle;
  private logical: SpanHandle;
  private result: Attributes | undefined;

  constructor(
    call: IncomingCall,
    private readonly head: InferenceCallHead,
    private readonly operation: string,
    kind: Bus['kind'],
  ) {
    if (!tracing.enabled) return;
    this.hop = tracing.start(`process ${call.subject}`, 'CONSUMER', call.trace, {
      'messaging.system': systems[kind],
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': call.subject,
      'modapi.request.id': head.requestId,
    });
  }

  startAttempt({ provider, host }: Upstream, attempt: number): SpanHandle {
    if (!this.hop) return undefined;
    this.logical ??= tracing.start(`${this.operation} ${this.head.model}`, 'CLIENT', this.hop, {
      'gen_ai.operation.name': this.operation,
      'gen_ai.provider.name': provider.id,
      'gen_ai.request.model': this.head.model,
      'gen_ai.request.stream': this.head.stream,
      'server.address': host,
    });
    return tracing.start('POST', 'CLIENT', this.logical, {
      'http.request.method': 'POST',
      'server.address': host,
      'gen_ai.provider.name': provider.id,
      ...(attempt > 1 && { 'http.request.resend_count': attempt - 1 }),
    });
  }

  endAttempt(span: SpanHandle, { status, upstreamRequestId }: Attempt, { outcome, failure }: AttemptEnd): void {
    if (!span) return;
    const attributes: Attributes = {
      'modapi.attempt.outcome': outcome,
      ...(status !== null && { 'http.response.status_code': status }),
      ...(upstreamRequestId !== null && { 'modapi.upstream.request.id': upstreamRequestId }),
    };
    let errorCode: string | undefined;
    if (failure) errorCode = status !== null && status >= 400 ? String(status) : failure.error.code;
    else if (outcome !== 'done') errorCode = outcome;
    tracing.end(span, attributes, errorCode);
  }

  /** What the logical call came to, of the attempt that delivered. */
  delivered(attempt: Attempt, usage: Usage): void {
    if (!this.logical) return;
    const { input = 0, input_cached: cached = 0, output = 0, reasoning = 0 } = usage;
    const {
      input_audio: audioIn = 0,
      input_image: imageIn = 0,
      output_audio: audioOut = 0,
      output_image: imageOut = 0,
    } = usage;
    this.result = {
      'gen_ai.usage.input_tokens': input + cached + audioIn + imageIn,
      'gen_ai.usage.output_tokens': output + reasoning + audioOut + imageOut,
      ...(cached > 0 && { 'gen_ai.usage.cache_read.input_tokens': cached }),
      ...(reasoning > 0 && { 'gen_ai.usage.reasoning.output_tokens': reasoning }),
      ...(attempt.upstreamModel !== undefined && { 'gen_ai.response.model': attempt.upstreamModel }),
      ...(attempt.finishReason !== '' && { 'gen_ai.response.finish_reasons': [attempt.finishReason] }),
    };
  }

  end(errorCode?: string): void {
    tracing.end(this.logical, this.result, errorCode);
    tracing.end(this.hop, undefined, errorCode);
  }

  /** For the usage event: the ledger's write belongs to the same trace. */
  attemptTrace(span: SpanHandle): { headers: TraceHeaders; traceId: string | null } {
    return { headers: this.traceOf(span), traceId: traceIdOf(span) };
  }

  traceOf(span: SpanHandle): TraceHeaders {
    return currentTrace(span);
  }
}
