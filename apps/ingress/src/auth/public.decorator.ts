import { applyDecorators, SetMetadata } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';

/** Metadata of a handler that needs no key. */
export const PUBLIC = 'modapi:public';

/**
 * Opens one route to everybody; all others need a key. On methods only: the hook before the guard reads the route's
 * own configuration, which a class does not have.
 */
export function Public(): MethodDecorator {
  return applyDecorators(SetMetadata(PUBLIC, true), RouteConfig({ public: true }));
}
