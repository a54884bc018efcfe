import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type RunningService, startPostgres } from '../../deploy/local/services.js';
import { descendants, type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { describeOpenAiSdk } from '../support/openai-sdk.conformance.js';
import { type ExportedSpan, type OtlpSink, startOtlpSink } from '../support/otlp-sink.js';

const canary = 'CANARY-prompt-5f1c2e';

let folder: string;
let postgres: RunningService;
let sink: OtlpSink;
let gateway: GatewayProcess;
let database: pg.Client;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modapi-cluster-'));
  postgres = await startPostgres({ dir: join(folder, 'postgres') });
  sink = await startOtlpSink();
  gateway = await startGateway({
    arguments: ['--cluster', '--scale', 'text=2'],
    env: {
      DATABASE_URL: postgres.url,
      MODAPI_SANDBOX_CALL_LOG: join(folder, 'calls.jsonl'),
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '200',
    },
  });
  database = new pg.Client({ connectionString: postgres.url });
  await database.connect();
}, 180_000);

afterAll(async () => {
  await database?.end();
  await gateway?.stop();
  await sink?.close();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

const processesOf = (app: string) =>
  descendants(gateway.child.pid ?? 0).filter(({ command }) => command.includes(`apps/${app}/src/main.js`));

/** Polls until the value is what is wanted; shows the last one if it never is. */
async function eventually<T>(
  read: () => Promise<T> | T,
  accept: (value: T) => boolean,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (accept(value)) return value;
    if (performance.now() > deadline) throw new Error(`not reached in ${timeoutMs} ms: ${JSON.stringify(value)}`);
    await delay(100);
  }
}

function chat(model: string, options: { stream?: boolean; content?: string; headers?: Record<string, string> } = {}) {
  return fetch(`${gateway.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.apiKey}`,
      'content-type': 'application/json',
      ...options.headers,
    },
    body: JSON.stringify({
      model,
      stream: options.stream ?? false,
      messages: [{ role: 'user', content: options.content ?? 'Hello' }],
    }),
    signal: AbortSignal.timeout(60_000),
  });
}

interface UpstreamCall {
  attemptId: string;
}

/** The upstream's own log: one `started` line per call that reached it. */
function upstreamCalls(): UpstreamCall[] {
  return readFileSync(join(folder, 'calls.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; attempt_id: string | null })
    .filter(({ event }) => event === 'started')
    .map((entry) => ({ attemptId: entry.attempt_id ?? '' }));
}

const usageRows = async () => {
  const result = await database.query<{ attempt_id: string; outcome: string; charge_nanos: string }>(
    'select attempt_id, outcome, charge_nanos from usage_records',
  );
  return result.rows;
};

describeOpenAiSdk('the cluster', () => ({ baseUrl: gateway.baseUrl, apiKey: gateway.apiKey }));

describe('one trace', () => {
  it('runs from the HTTP door over NATS and the upstream to the ledger row, and holds no content and no key', async () => {
    const traceId = 'a3ce929d0e0e4736a3ce929d0e0e4736';
    const answer = await chat('sandbox/chat', {
      content: canary,
      headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    });
    expect(answer.status).toBe(200);
    await answer.text();
    const spans = await eventually(
      () => sink.spans().filter((span) => span.traceId === traceId),
      (found) => found.some((span) => span.service === 'billing' && /usage_records/i.test(span.name)),
    );
    const parents = new Map(spans.map((span) => [span.spanId, span]));
    const pathOf = (span: ExportedSpan | undefined): string[] =>
      span ? [...pathOf(parents.get(span.parentSpanId ?? '')), span.service] : [];
    const server = spans.find((span) => span.kind === 2 && span.service === 'ingress');
    expect(server?.name).toBe('POST /v1/chat/completions');
    const genAi = spans.find((span) => span.name === 'chat sandbox/chat');
    expect(genAi?.attributes['gen_ai.request.model']).toBe('sandbox/chat');
    expect(Number(genAi?.attributes['gen_ai.usage.output_tokens'])).toBeGreaterThan(0);
    const upstream = spans.find((span) => span.parentSpanId === genAi?.spanId && span.kind === 3);
    expect(upstream?.attributes['http.response.status_code']).toBeDefined();
    const ledgerWrite = spans.find((span) => span.service === 'billing' && /usage_records/i.test(span.name));
    expect(pathOf(ledgerWrite)[0]).toBe('ingress');
    expect(new Set(pathOf(ledgerWrite))).toEqual(new Set(['ingress', 'text', 'billing']));
    expect(sink.raw()).not.toContain(canary);
    expect(sink.raw()).not.toContain(gateway.apiKey);
    expect(gateway.output()).not.toContain(canary);
  });
});

describe('a killed worker', () => {
  it('leaves no client hanging, no call unaccounted, and later calls succeed', async () => {
    const victims = processesOf('text');
    expect(victims).toHaveLength(2);
    const streams = Array.from({ length: 50 }, async () => {
      const response = await chat('sandbox/slow-stream', { stream: true });
      const text = await response.text();
      return { complete: text.trimEnd().endsWith('data: [DONE]'), failed: text.includes('"error"') };
    });
    await delay(1_500);
    process.kill(victims[0]?.pid ?? 0, 'SIGKILL');
    const results = await Promise.all(streams);
    // Each stream is whole or says that it is not; those of the other worker go on.
    expect(results.every(({ complete, failed }) => complete !== failed)).toBe(true);
    expect(results.filter(({ complete }) => complete).length).toBeGreaterThan(0);
    expect(results.filter(({ failed }) => failed).length).toBeGreaterThan(0);
    expect((await chat('sandbox/fast')).status).toBe(200);
    await eventually(
      () => processesOf('text').length,
      (count) => count === 2,
    );
    expect((await chat('sandbox/fast')).status).toBe(200);

    const calls = new Set(upstreamCalls().map((call) => call.attemptId));
    const isCall = ({ attempt_id }: { attempt_id: string }) => calls.has(attempt_id);
    const rows = await eventually(usageRows, (found) => found.filter(isCall).length === calls.size);
    // A worker notes an attempt before it makes it: killed in between, it leaves a row without a call, and without a charge.
    const unmade = rows.filter((row) => !isCall(row));
    expect(unmade.filter((row) => row.outcome !== 'worker_lost' || row.charge_nanos !== '0')).toEqual([]);
    expect(rows.filter((row) => row.outcome === 'worker_lost').length).toBeGreaterThan(unmade.length);
  }, 120_000);
});

describe('billing', () => {
  it('charges every answered call, in integer nano-dollars', async () => {
    const before = await usageRows();
    const answer = (await (await chat('sandbox/chat')).json()) as {
      usage: { prompt_tokens: number; completion_tokens: number };
    };
    const known = new Set(before.map((row) => row.attempt_id));
    const rows = await eventually(usageRows, (found) => found.length > before.length);
    const row = rows.find(({ attempt_id }) => !known.has(attempt_id));
    // sandbox/*: $0.15 per million input tokens, $0.60 per million output tokens.
    const expected = answer.usage.prompt_tokens * 150 + answer.usage.completion_tokens * 600;
    expect(row?.charge_nanos).toBe(String(expected));
  });

  it('catches up after it was killed', async () => {
    const before = (await usageRows()).length;
    process.kill(processesOf('billing')[0]?.pid ?? 0, 'SIGKILL');
    // Keys are cached by ingress: calls go on while billing is away, and their usage waits in JetStream.
    const statuses = await Promise.all(Array.from({ length: 10 }, async () => (await chat('sandbox/fast')).status));
    expect(statuses).toEqual(Array(10).fill(200));
    const rows = await eventually(usageRows, (found) => found.length >= before + 10, 60_000);
    expect(rows.length).toBe(before + 10);
  }, 90_000);
});

describe('Ctrl-C', () => {
  it('finishes the stream under way and leaves no process', async () => {
    const response = await chat('sandbox/slow-stream', { stream: true });
    const started = descendants(gateway.child.pid ?? 0);
    expect(started.length).toBeGreaterThan(5);
    const [text, code] = await Promise.all([response.text(), gateway.stop()]);
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
    expect(code).toBe(0);
    const left = started.filter(({ pid }) => descendants(1).some((info) => info.pid === pid));
    expect(left).toEqual([]);
  }, 60_000);
});
