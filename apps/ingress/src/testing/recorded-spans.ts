import {
  type Attributes,
  type Context,
  propagation,
  type Span,
  type SpanContext,
  type SpanOptions,
  trace,
  type Tracer,
} from '@opentelemetry/api';

/** A span as a test wants to look at it. */
export interface RecordedSpan {
  readonly name: string;
  readonly options: SpanOptions;
  readonly attributes: Attributes;
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  statusCode: number;
  ended: boolean;
}

/** Spans made through the API, without the SDK, which belongs to libs/telemetry. */
export class RecordedSpans {
  readonly spans: RecordedSpan[] = [];
  private made = 0;

  install(): void {
    const tracer = { startSpan: this.startSpan.bind(this) } as unknown as Tracer;
    trace.setGlobalTracerProvider({ getTracer: () => tracer });
    propagation.setGlobalPropagator({
      fields: () => ['traceparent'],
      inject: (context, carrier) => {
        const found = trace.getSpanContext(context);
        if (found) (carrier as Record<string, string>)['traceparent'] = `00-${found.traceId}-${found.spanId}-01`;
      },
      extract: (context, carrier) => {
        const [, traceId, spanId] = String((carrier as Record<string, string>)['traceparent'] ?? '').split('-');
        return traceId && spanId ? trace.setSpanContext(context, { traceId, spanId, traceFlags: 1 }) : context;
      },
    });
  }

  private startSpan(name: string, options: SpanOptions, context: Context): Span {
    const parent = trace.getSpanContext(context);
    const spanId = (++this.made).toString(16).padStart(16, '0');
    const traceId = parent?.traceId ?? 'f'.repeat(32);
    const record: RecordedSpan = {
      name,
      options,
      attributes: { ...options.attributes },
      context: { traceId, spanId, traceFlags: 1 },
      parent,
      statusCode: 0,
      ended: false,
    };
    this.spans.push(record);
    const span = {
      spanContext: () => record.context,
      setAttribute: (key: string, value: string) => void (record.attributes[key] = value),
      setAttributes: (attributes: Attributes) => void Object.assign(record.attributes, attributes),
      setStatus: ({ code }: { code: number }) => void (record.statusCode = code),
      end: () => void (record.ended = true),
    };
    return span as unknown as Span;
  }
}
