/** OpenTelemetry start-up, span names, the logger. */
export { type LogFields, logger, type Logger } from './logger.js';
export { startTelemetry, stopTelemetry } from './start.js';
export { currentTrace, extractTrace, traceIdOf, tracing, type SpanHandle } from './tracing.js';
