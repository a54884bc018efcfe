import type { EventDelivery } from '#libs/messaging';
import { type SpanHandle, tracing } from '#libs/telemetry';

const consumerAttributes = {
  'messaging.operation.type': 'process',
  'messaging.operation.name': 'process',
  'messaging.destination.name': 'usage.v1',
  'messaging.consumer.group.name': 'billing',
};

const insertAttributes = {
  'db.system.name': 'postgresql',
  'db.operation.name': 'INSERT',
  'db.collection.name': 'usage_records',
};

/** W3C trace flags: the sender samples this trace. */
const sampled = /-0[13579bdf]$/i;

/**
 * A batch is one insert for many traces: each sampled trace gets its own `process` span and, below it, a span around
 * the shared insert.
 */
export class BatchSpans {
  private readonly processes: SpanHandle[] = [];
  private inserts: SpanHandle[] = [];

  constructor(
    private readonly batch: readonly EventDelivery[],
    private readonly messagingSystem: string,
  ) {}

  begin(): this {
    if (!tracing.enabled) return this;
    const attributes = {
      ...consumerAttributes,
      'messaging.system': this.messagingSystem,
      'messaging.batch.message_count': this.batch.length,
    };
    for (const { trace } of this.batch) {
      if (!sampled.test(trace['traceparent'] ?? '')) continue;
      this.processes.push(tracing.start('process usage.v1', 'CONSUMER', trace, attributes));
    }
    const insert = { ...insertAttributes, 'db.operation.batch.size': this.batch.length };
    this.inserts = this.processes.map((parent) => tracing.start('INSERT usage_records', 'CLIENT', parent, insert));
    return this;
  }

  end(errorCode?: string): void {
    for (const span of this.inserts) tracing.end(span, undefined, errorCode);
    for (const span of this.processes) tracing.end(span, undefined, errorCode);
  }
}
