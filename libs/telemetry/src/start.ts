import { tracing } from './tracing.js';

let stop: (() => Promise<void>) | undefined;

/**
 * Starts OpenTelemetry when an OTLP endpoint is configured (the standard `OTEL_*` variables); else loads nothing.
 * Spans are made by hand: no instrumentation patches a module.
 */
export async function startTelemetry(serviceName: string, endpoint: string | undefined): Promise<void> {
  if (!endpoint || tracing.enabled) return;
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK({ serviceName, instrumentations: [] });
  sdk.start();
  tracing.enable(true);
  stop = () => sdk.shutdown();
}

/** Flushes what is left. */
export async function stopTelemetry(): Promise<void> {
  await stop?.();
  stop = undefined;
}
