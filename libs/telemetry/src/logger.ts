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

/** JSON lines on standard output, written asynchronously; level from `LOG_LEVEL` (default info). */
export function logger(name: string, level = 'info'): Logger {
  return pino({ name, level, base: { service: name }, timestamp: pino.stdTimeFunctions.isoTime });
}
