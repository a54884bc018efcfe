import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as OTLP/HTTP JSON carries it (opentelemetry-proto, trace.proto). */
export interface ExportedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  service: string;
  attributes: Record<string, unknown>;
}

export interface OtlpSink {
  readonly url: string;
  spans(): ExportedSpan[];
  /** Every byte that arrived, headers included. */
  raw(): string;
  close(): Promise<void>;
}

interface OtlpAttribute {
  key: string;
  value: Record<string, unknown>;
}

interface OtlpRequest {
  resourceSpans?: {
    resource?: { attributes?: OtlpAttribute[] };
    scopeSpans?: { spans?: (Omit<ExportedSpan, 'attributes' | 'service'> & { attributes?: OtlpAttribute[] })[] }[];
  }[];
}

const plain = (attributes: OtlpAttribute[] = []) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/** An OTLP/HTTP JSON receiver on a free port that keeps what it gets. */
export async function startOtlpSink(): Promise<OtlpSink> {
  const spans: ExportedSpan[] = [];
  const bytes: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      bytes.push(JSON.stringify(request.headers), body);
      if (request.url === '/v1/traces') collect(JSON.parse(body) as OtlpRequest, spans);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () => spans,
    raw: () => bytes.join('\n'),
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

function collect(request: OtlpRequest, into: ExportedSpan[]): void {
  for (const { resource, scopeSpans } of request.resourceSpans ?? []) {
    const service = String(plain(resource?.attributes)['service.name']);
    for (const span of scopeSpans?.flatMap((scope) => scope.spans ?? []) ?? []) {
      into.push({ ...span, service, attributes: plain(span.attributes) });
    }
  }
}
