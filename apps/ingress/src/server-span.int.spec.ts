import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { CallError } from '#libs/messaging';
import { tracing } from '#libs/telemetry';
import { goodBody } from './testing/http-case.js';
import { type RecordedSpan, RecordedSpans } from './testing/recorded-spans.js';
import { startTestIngress, type TestIngress } from './testing/test-ingress.js';

const recorded = new RecordedSpans();
let ingress: TestIngress;

beforeAll(async () => {
  recorded.install();
  tracing.enable(true);
  ingress = await startTestIngress();
});
afterAll(async () => {
  tracing.enable(false);
  await ingress.stop();
});
beforeEach(() => void (recorded.spans.length = 0));

const traceId = '0af7651916cd43dd8448eb211c80319c';
const post = (path = '/v1/chat/completions', changes: object = {}): Promise<Response> =>
  fetch(ingress.url + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${ingress.key}`,
      'content-type': 'application/json',
      traceparent: `00-${traceId}-b7ad6b7169203331-01`,
      baggage: 'secret=1',
    },
    body: JSON.stringify({ ...goodBody, ...changes }),
  });

async function spans(count: number): Promise<readonly RecordedSpan[]> {
  while (recorded.spans.filter(({ ended }) => ended).length < count)
    await new Promise((resolve) => setTimeout(resolve, 5));
  return recorded.spans;
}

describe('the SERVER span', () => {
  it('continues the caller’s trace and is the parent of what the worker does', async () => {
    ingress.bus.calls.length = 0;
    ingress.bus.play = (call) => call.answer({});
    await (await post('/v1/chat/completions?secret=1')).text();
    const [span] = await spans(1);
    expect(span).toMatchObject({ name: 'POST /v1/chat/completions', options: { kind: SpanKind.SERVER } });
    expect(span!.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/chat/completions',
      'http.response.status_code': 200,
      'url.path': '/v1/chat/completions',
      'url.scheme': 'http',
    });
    expect(span!.parent).toMatchObject({ traceId, spanId: 'b7ad6b7169203331' });
    expect(ingress.bus.calls[0]!.request.trace).toEqual({
      traceparent: `00-${traceId}-${span!.context.spanId}-01`,
    });
    const line = ingress.log.find((entry) => entry.message === 'request');
    expect(line?.traceId).toBe(traceId);
  });

  it('is an error with its code for 5xx, and none for what the caller did', async () => {
    ingress.bus.play = (call) => call.sink.onError(new CallError('no_responders', 'nobody'));
    await post();
    await post('/v1/chat/completions', { n: 0 });
    const [failed, refused] = await spans(2);
    expect(failed!.attributes).toMatchObject({ 'http.response.status_code': 503, 'error.type': 'no_worker_available' });
    expect(failed!.statusCode).toBe(SpanStatusCode.ERROR);
    expect(refused!.attributes['http.response.status_code']).toBe(400);
    expect(refused!.statusCode).toBe(SpanStatusCode.UNSET);
  });

  it('is named after no unknown path, and probes have none', async () => {
    await fetch(`${ingress.url}/healthz`);
    await post('/some/user/12345');
    const [span, ...others] = await spans(1);
    expect(span!.name).toBe('POST');
    expect(span!.attributes['http.route']).toBeUndefined();
    expect(others).toEqual([]);
  });
});
