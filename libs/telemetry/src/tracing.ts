import { type Attributes, context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

/** W3C trace context headers. */
type TraceHeaders = Record<string, string>;

let enabled = false;

/** A span that may not exist: with tracing off nothing is allocated. */
export type SpanHandle = Span | undefined;

const tracer = () => trace.getTracer('modapi');

/** Tracing of this process. Every method is a no-op and allocates nothing while tracing is off. */
export const tracing = {
  get enabled(): boolean {
    return enabled;
  },
  /** Called once by `startTelemetry`. */
  enable(on: boolean): void {
    enabled = on;
  },
  /**
   * Starts a span below `parent` (a span, or the headers of a remote parent).
   * Pass attributes known at the start: samplers read them.
   */
  start(
    name: string,
    kind: keyof typeof SpanKind,
    parent?: SpanHandle | TraceHeaders,
    attributes?: Attributes,
  ): SpanHandle {
    if (!enabled) return undefined;
    const options = { kind: SpanKind[kind], ...(attributes && { attributes }) };
    return tracer().startSpan(name, options, contextOf(parent));
  },
  /** Ends a span; an error marks it. The message must hold no secret: pass a code. */
  end(span: SpanHandle, attributes?: Attributes, errorCode?: string): void {
    if (!span) return;
    if (attributes) span.setAttributes(attributes);
    if (errorCode !== undefined) {
      span.setAttribute('error.type', errorCode);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  },
};

function contextOf(parent: SpanHandle | TraceHeaders): ReturnType<typeof context.active> {
  if (!parent) return context.active();
  if ('spanContext' in parent && typeof parent.spanContext === 'function') {
    return trace.setSpan(context.active(), parent as Span);
  }
  return propagation.extract(context.active(), parent as TraceHeaders);
}

const none: TraceHeaders = Object.freeze({});

/** Trace headers to send on, so that the receiver's spans become children of `span`. */
export function currentTrace(span: SpanHandle): TraceHeaders {
  if (!span) return none;
  const carrier: TraceHeaders = {};
  propagation.inject(trace.setSpan(context.active(), span), carrier);
  return carrier;
}

/** Keeps only the trace context of arbitrary headers; baggage of strangers goes no further. */
export function extractTrace(headers: Record<string, string | string[] | undefined>): TraceHeaders {
  const traceparent = headers['traceparent'];
  if (!enabled || typeof traceparent !== 'string') return none;
  const tracestate = headers['tracestate'];
  return typeof tracestate === 'string' ? { traceparent, tracestate } : { traceparent };
}

/** 32 hex digits, or null with tracing off. */
export function traceIdOf(span: SpanHandle): string | null {
  return span ? span.spanContext().traceId : null;
}
