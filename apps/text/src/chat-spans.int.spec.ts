import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { AttemptFinished } from '#libs/contracts';
import { OtlpSink, type ReceivedSpan } from './testing/otlp-sink.js';
import { answers, ScriptedUpstream, streams, wholeStream } from './testing/scripted-upstream.js';
import { TextWorker } from './testing/text-worker.js';

const sink = new OtlpSink();
const upstream = new ScriptedUpstream();
const canary = 'canary-prompt-7f3a';
const credential = 'sk-canary-credential-9c2e';
const before = { ...process.env };
/** By model: a trace id of its own, the usage events, and the trace context that they carried. */
const calls = new Map<string, { traceId: string; events: AttemptFinished[]; traceparents: (string | undefined)[] }>();

beforeAll(async () => {
  // The SDK reads the specification's variables by itself.
  const endpoint = await sink.listen();
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = endpoint;
  process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/json';
  const url = await upstream.listen();
  const provider = (name: string) => ({
    preset: 'openai-compatible',
    baseUrl: `${url}/${name}/v1`,
    apiKey: 'env:UPSTREAM_KEY',
  });
  const deployment = (name: string) => ({ provider: name, model: 'up-model', free: true });
  upstream.script('failing', answers(503, { error: { message: canary } }));
  upstream.script('working', streams(wholeStream));
  upstream.script('sandbox', streams(wholeStream));
  const worker = await TextWorker.start(
    {
      providers: { failing: provider('failing'), working: provider('working') },
      models: [
        { id: 'failover', deployments: [deployment('failing'), deployment('working')] },
        { id: 'failing', deployments: [deployment('failing')] },
      ],
    },
    { UPSTREAM_KEY: credential, MODAPI_SANDBOX_URL: `${url}/sandbox`, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
  );
  for (const model of ['failover', 'failing', 'sandbox/chat']) await call(worker, model);
  await worker.stop();
});

afterAll(() => {
  upstream.close();
  sink.close();
  process.env = { ...before };
});

async function call(worker: TextWorker, model: string): Promise<void> {
  const requestId = worker.nextRequestId();
  const traceId = `${calls.size + 1}`.repeat(32);
  worker.traceparents.length = 0;
  await worker.call(
    { model, stream: true, messages: [{ role: 'user', content: canary }] },
    { requestId, trace: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } },
  );
  calls.set(model, { traceId, events: worker.eventsOf(requestId), traceparents: [...worker.traceparents] });
}

function spansOf(model: string): readonly ReceivedSpan[] {
  return sink.spans.filter(({ traceId }) => traceId === calls.get(model)!.traceId);
}

const named = (spans: readonly ReceivedSpan[], name: string) => spans.find((span) => span.name === name)!;

it('makes one tree: hop, logical call, one span per upstream call', () => {
  const spans = spansOf('failover');
  const hop = named(spans, 'process call.v1.chat.completions');
  const chat = named(spans, 'chat failover');
  const attempts = spans.filter(({ name }) => name === 'POST');
  expect([hop.parentSpanId, chat.parentSpanId]).toEqual(['b7ad6b7169203331', hop.spanId]);
  expect(attempts.map(({ parentSpanId }) => parentSpanId)).toEqual([chat.spanId, chat.spanId]);
  expect(spans).toHaveLength(4);
  expect(hop.attributes).toMatchObject({
    'messaging.system': 'in_process',
    'messaging.destination.name': 'call.v1.chat.completions',
  });
  expect(chat.attributes).toMatchObject({
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai-compatible',
    'gen_ai.request.model': 'failover',
    'gen_ai.response.model': 'up-model',
    'gen_ai.usage.input_tokens': 9,
    'gen_ai.usage.output_tokens': 4,
    'gen_ai.response.finish_reasons': ['stop'],
  });
  expect(chat.attributes['error.type']).toBeUndefined();
  expect(attempts[0]!.attributes).toMatchObject({ 'http.response.status_code': 503, 'error.type': '503' });
  expect(attempts[1]!.attributes).toMatchObject({
    'http.request.method': 'POST',
    'http.response.status_code': 200,
    'http.request.resend_count': 1,
    'server.address': '127.0.0.1',
  });
});

it('hands the trace on to the usage events, each below the call that it accounts for', () => {
  const { traceId, events, traceparents } = calls.get('failover')!;
  const attempts = spansOf('failover').filter(({ name }) => name === 'POST');
  expect(events.map(({ trace_id: id }) => id)).toEqual([traceId, traceId]);
  expect(traceparents).toEqual(attempts.map(({ spanId }) => `00-${traceId}-${spanId}-01`));
});

it('marks what failed', () => {
  for (const name of ['process call.v1.chat.completions', 'chat failing']) {
    expect(named(spansOf('failing'), name).attributes['error.type']).toBe('provider_unavailable');
  }
});

it('gives the trace to its own sandbox and to no vendor', () => {
  const attempt = named(spansOf('sandbox/chat'), 'POST');
  expect(upstream.of('sandbox')[0]!.headers['traceparent']).toBe(`00-${attempt.traceId}-${attempt.spanId}-01`);
  expect(upstream.of('working')[0]!.headers['traceparent']).toBeUndefined();
});

it('exports neither prompt nor answer nor credential', () => {
  expect(sink.text).toContain('chat failover');
  for (const secret of ['canary', credential, 'Hello there']) expect(sink.text).not.toContain(secret);
});
