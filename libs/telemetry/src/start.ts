import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { tracing } from './tracing.js';

// A collector that is away must not hold up the stop of a process.
const flushTimeoutMs = 5_000;

let stop: (() => Promise<void>) | undefined;

/**
 * Starts OpenTelemetry when an OTLP endpoint is configured (the standard `OTEL_*` variables); else loads nothing.
 * Spans are made by hand: no instrumentation patches a module.
 */
export async function startTelemetry(
  serviceName: string,
  endpoint: string | undefined,
  resourceAttributes = '',
): Promise<void> {
  if (!endpoint || tracing.enabled) return;
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK({
    serviceName,
    instrumentations: [],
    // Traces only, whatever the environment says: metrics and logs have their own ways out.
    metricReaders: [],
    logRecordProcessors: [],
    // Instead of the SDK's detectors, which send the command line along.
    resourceDetectors: [{ detect: () => ({ attributes: attributesOf(resourceAttributes) }) }],
  });
  sdk.start();
  tracing.enable(true);
  stop = () => sdk.shutdown();
}

/** Flushes what is left. */
export async function stopTelemetry(): Promise<void> {
  const flushing = stop?.();
  stop = undefined;
  tracing.enable(false);
  if (!flushing) return;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, flushTimeoutMs);
  });
  await Promise.race([flushing, timeout]);
  clearTimeout(timer);
}

/** `OTEL_RESOURCE_ATTRIBUTES`: `key=value` pairs with commas between, values percent-encoded. */
function attributesOf(text: string): Record<string, string> {
  const attributes: Record<string, string> = { 'host.name': hostname(), 'service.instance.id': randomUUID() };
  for (const pair of text.split(',')) {
    const [key = '', ...value] = pair.split('=');
    if (key.trim() !== '' && value.length > 0) attributes[key.trim()] = decoded(value.join('=').trim());
  }
  return attributes;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // a lone percent sign: the operator meant it as it stands
  }
}
