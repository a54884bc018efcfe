import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { GatewayError } from '#libs/contracts';
import { accessOf, admitManager } from '../organization/organization-access.js';
import { missingKey } from './credentials.js';
import { PUBLIC } from './public.decorator.js';

/**
 * Default deny, on the route that was dispatched: without `@Public()` a route needs a caller (found by the first hook,
 * before the body was read). Routes of the management API want an admin key, all others one that may call models.
 */
@Injectable()
export class KeyGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    // The other apps of a standalone serve the bus, whose calls were let in here.
    if (context.getType() !== 'http') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { caller } = request.record;
    const access = accessOf(context.getHandler());
    if (access !== undefined) {
      if (caller === undefined) throw missingKey();
      admitManager(caller, access, request.headers);
      return true;
    }
    if (caller?.scope === 'inference') return true;
    if (this.reflector.get<boolean | undefined>(PUBLIC, context.getHandler())) return true;
    if (caller === undefined) throw missingKey();
    throw new GatewayError('insufficient_scope', 'This is an admin key. Call models with an inference key.');
  }
}
