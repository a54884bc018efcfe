import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startTelemetry, stopTelemetry } from './start.js';
import { currentTrace, extractTrace, traceIdOf, tracing } from './tracing.js';

interface ExportedSpan {
  name: string;
  traceId: string;
  parentSpanId?: string;
  spanId: string;
  attributes: { key: string; value: { stringValue?: string } }[];
}
interface Exported {
  resourceSpans: { resource: { attributes: ExportedSpan['attributes'] }; scopeSpans: { spans: ExportedSpan[] }[] }[];
}

let sink: Server;
let bodies: Exported[];
const before = { ...process.env };

beforeEach(async () => {
  bodies = [];
  sink = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    bodies.push(JSON.parse(Buffer.concat(chunks).toString()) as Exported);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(sink, 'listening');
  // The SDK reads the specification's variables by itself.
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = `http://127.0.0.1:${(sink.address() as AddressInfo).port}`;
  process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/json';
});
afterEach(() => {
  process.env = { ...before };
  sink.close();
  sink.closeAllConnections();
});

describe('startTelemetry', () => {
  it('makes no span without an endpoint', async () => {
    await startTelemetry('text', undefined);
    expect(tracing.enabled).toBe(false);
    expect(tracing.start('chat', 'CLIENT')).toBeUndefined();
    expect(currentTrace(undefined)).toEqual({});
  });

  it('exports a tree over a hop and flushes it on stop', async () => {
    await startTelemetry('text', process.env['OTEL_EXPORTER_OTLP_ENDPOINT'], 'team=blue%20one,broken');
    const parent = tracing.start('POST /v1/chat/completions', 'SERVER');
    const headers = currentTrace(parent);
    const child = tracing.start('chat', 'CLIENT', extractTrace({ ...headers, baggage: 'user=eve' }));
    tracing.end(child, { 'gen_ai.request.model': 'm' }, 'upstream_error');
    tracing.end(parent);
    const traceId = traceIdOf(parent);
    await stopTelemetry();
    expect(tracing.enabled).toBe(false);
    const resource = bodies[0]?.resourceSpans[0]?.resource.attributes ?? [];
    const valueOf = (key: string) => resource.find((attribute) => attribute.key === key)?.value.stringValue;
    expect([valueOf('service.name'), valueOf('team')]).toEqual(['text', 'blue one']);
    expect(resource.map((attribute) => attribute.key)).not.toContain('process.command_args');
    const spans = bodies.flatMap((body) => body.resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans)));
    const server = spans.find((span) => span.name.startsWith('POST'));
    const client = spans.find((span) => span.name === 'chat');
    expect([server?.traceId, client?.traceId]).toEqual([traceId, traceId]);
    expect(client?.parentSpanId).toBe(server?.spanId);
    expect(client?.attributes).toContainEqual({ key: 'error.type', value: { stringValue: 'upstream_error' } });
  });
});
