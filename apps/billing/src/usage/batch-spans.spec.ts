import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { NodeSDK, type NodeSDKConfiguration } from '@opentelemetry/sdk-node';
import type { EventDelivery } from '#libs/messaging';
import { tracing } from '#libs/telemetry';
import { BatchSpans } from './batch-spans.js';

type Processor = NonNullable<NodeSDKConfiguration['spanProcessors']>[number];
type FinishedSpan = Parameters<Processor['onEnd']>[0];

const finished: FinishedSpan[] = [];
const collector: Processor = {
  onStart: () => undefined,
  onEnd: (span) => void finished.push(span),
  forceFlush: async () => undefined,
  shutdown: async () => undefined,
};
const sdk = new NodeSDK({
  autoDetectResources: false,
  instrumentations: [],
  metricReaders: [],
  logRecordProcessors: [],
  spanProcessors: [collector],
});

beforeAll(() => sdk.start());
afterAll(() => sdk.shutdown());
beforeEach(() => {
  tracing.enable(true);
  finished.length = 0;
});

function delivery(traceparent?: string): EventDelivery {
  return { subject: 's', event: {}, trace: traceparent === undefined ? {} : { traceparent }, deliveries: 1 };
}
const parentOf = (digit: string, flags: string): string => `00-${digit.repeat(32)}-${digit.repeat(16)}-${flags}`;

describe('the spans of a batch', () => {
  it('are a process span and an insert below it, in each sampled trace', () => {
    const batch = [
      delivery(parentOf('a', '01')),
      delivery(),
      delivery(parentOf('b', '00')),
      delivery(parentOf('c', '03')),
    ];
    new BatchSpans(batch, 'nats').begin().end();
    const spans = finished;
    expect(spans).toHaveLength(4);
    for (const digit of ['a', 'c']) {
      const process = spans.find((span) => span.parentSpanContext?.spanId === digit.repeat(16));
      expect(process).toMatchObject({ name: 'process usage.v1', attributes: { 'messaging.batch.message_count': 4 } });
      expect(process?.spanContext().traceId).toBe(digit.repeat(32));
      const insert = spans.find((span) => span.parentSpanContext?.spanId === process?.spanContext().spanId);
      expect(insert).toMatchObject({ name: 'INSERT usage_records', attributes: { 'db.system.name': 'postgresql' } });
      expect(insert?.spanContext().traceId).toBe(digit.repeat(32));
    }
  });

  it('say that the ledger was away', () => {
    new BatchSpans([delivery(parentOf('d', '01'))], 'nats').begin().end('ledger_unavailable');
    expect(finished.map((span) => span.attributes['error.type'])).toEqual(['ledger_unavailable', 'ledger_unavailable']);
  });

  it('are not made while tracing is off', () => {
    tracing.enable(false);
    new BatchSpans([delivery(parentOf('e', '01'))], 'nats').begin().end();
    expect(finished).toEqual([]);
  });
});
