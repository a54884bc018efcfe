/** The part of the process's logger that the bus needs; `Logger` of `#libs/telemetry` fits. */
export interface MessagingLogger {
  info(fields: MessagingLogFields, message: string): void;
  warn(fields: MessagingLogFields, message: string): void;
  error(fields: MessagingLogFields, message: string): void;
}

/** Never a payload: subjects, reasons and errors of our own only. */
export interface MessagingLogFields {
  subject?: string;
  reason?: string;
  count?: number;
  host?: string;
  durationMs?: number;
  error?: { name: string; message: string; stack?: string | undefined };
}

/** An error in the form that log lines carry. */
export function errorFields(error: unknown): NonNullable<MessagingLogFields['error']> {
  if (error instanceof Error) return { name: error.name, message: error.message, stack: error.stack };
  return { name: 'unknown', message: String(error) };
}

/** Says nothing; for tests and tools. */
export const silentLogger: MessagingLogger = { info: () => {}, warn: () => {}, error: () => {} };
