import { pino } from 'pino';

/**
 * Fields that a log line may have: an allow-list, not a redaction. Whole requests, headers and foreign errors are
 * never logged, since that is how keys got into the logs of others.
 */
export interface LogFields {
  requestId?: string;
  traceId?: string | null;
  endpoint?: string;
  model?: string;
  provider?: string;
  organizationId?: string;
  keyId?: string;
  attemptId?: string;
  status?: number;
  code?: string;
  reason?: string;
  durationMs?: number;
  count?: number;
  subject?: string;
  port?: number;
  host?: string;
  file?: string;
  problems?: readonly string[];
  revision?: string;
  /** Message and stack of an error of our own. */
  error?: { name: string; message: string; stack?: string | undefined };
}

export interface Logger {
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
}

/** JSON lines on standard output, written asynchronously and flushed on exit. */
export function logger(name: string, level = 'info'): Logger {
  const options = {
    level,
    base: { service: name },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { error: describeError },
  };
  // A slow terminal or log shipper must not hold up a stream; a line alone waits for company, since a write costs more.
  return pino(options, pino.destination({ dest: 1, sync: false, minLength: 4_096, periodicFlush: 100 }));
}

interface DescribedError {
  name: string;
  message: string;
  stack?: string | undefined;
  code?: string;
  cause?: DescribedError;
}

/** Only these fields: errors of pg, undici and others carry rows, headers and credentials as properties. */
export function describeError(error: unknown, depth = 0): DescribedError {
  if (typeof error !== 'object' || error === null) return { name: 'unknown', message: String(error) };
  const { name, message, stack, code, cause } = error as Error & { code?: unknown };
  return {
    name: String(name),
    message: String(message),
    ...(typeof stack === 'string' && { stack }),
    ...(typeof code === 'string' && { code }),
    ...(cause !== undefined && depth < 4 && { cause: describeError(cause, depth + 1) }),
  };
}
