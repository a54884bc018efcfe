import { applyDecorators, UseFilters } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { BUS_TRANSPORT, CallErrorFilter } from '#libs/messaging';

/**
 * Marks the method that serves a bus subject; its signature is `(call: IncomingCall) => Promise<void>`.
 * The transport is named because a pattern without one registers on every transport of the application.
 */
export function Serves(subject: string): MethodDecorator {
  return applyDecorators(MessagePattern(subject, BUS_TRANSPORT), UseFilters(new CallErrorFilter()));
}
