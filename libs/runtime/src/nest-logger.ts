import type { LoggerService } from '@nestjs/common';
import type { Logger } from '#libs/telemetry';
import { StartError } from './start-error.js';

/** Nest's own lines in our log: its start-up chatter at debug level, its warnings and errors as they are. */
export function nestLogger(logger: Logger): LoggerService {
  const fail = (message: unknown, rest: unknown[]): void => {
    // Told in full, and without a stack, by whoever asked for the start.
    if (!(message instanceof StartError)) logger.error(stackOf(message, rest), text(message));
  };
  const text = (message: unknown): string => (message instanceof Error ? message.message : String(message));
  return {
    log: (message: unknown) => logger.debug({}, text(message)),
    debug: (message: unknown) => logger.debug({}, text(message)),
    verbose: (message: unknown) => logger.debug({}, text(message)),
    warn: (message: unknown) => logger.warn({}, text(message)),
    error: (message: unknown, ...rest: unknown[]) => fail(message, rest),
    fatal: (message: unknown, ...rest: unknown[]) => fail(message, rest),
  };
}

/** Nest passes a stack as the first further argument. */
function stackOf(message: unknown, [stack]: unknown[]): Parameters<Logger['error']>[0] {
  if (message instanceof Error) return { error: message };
  return typeof stack === 'string' && stack.includes('\n') ? { error: { name: 'Error', message: '', stack } } : {};
}
