import { Controller, Delete, Get, Inject, Post, Req, Res, type Type } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type OrganizationCallHead, type OrganizationRoute, organizationSubject } from '#libs/contracts';
import { type Bus, collectReply, type CollectedReply } from '#libs/messaging';
import { BUS } from '#libs/runtime';
import { currentTrace } from '#libs/telemetry';
import { missingKey } from '../auth/credentials.js';
import { organizationFailure } from './organization-failure.js';
import { organizationOf, RouteAccess } from './organization-access.js';
import { readOrganizationRequest } from './organization-request.js';

const deadlineMs = 10_000;
const verbs = { GET: Get, POST: Post, DELETE: Delete } as const;

/** What every route of the management API does: read, check, ask billing, hand its answer on. */
class OrganizationDesk {
  constructor(protected readonly bus: Bus) {}

  async answer(route: OrganizationRoute, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { record } = request;
    record.endpoint = route.id;
    // A new key is shown in its answer, and an answer about money is old the moment it is given.
    reply.header('cache-control', 'no-store');
    const { caller } = record;
    if (!caller) throw missingKey();
    const organizationId = organizationOf(caller, request.headers);
    const wish = readOrganizationRequest(route, request);
    const head: OrganizationCallHead = { routeId: route.id, requestId: request.id, caller, organizationId, ...wish };
    const { head: answer, body } = await this.ask(route, request, head);
    reply.code(answer.status).header('content-type', 'application/json; charset=utf-8').send(body);
  }

  private async ask(
    route: OrganizationRoute,
    { record }: FastifyRequest,
    head: OrganizationCallHead,
  ): Promise<CollectedReply> {
    const trace = record.span && { trace: currentTrace(record.span) };
    const call = { subject: organizationSubject, head, body: Buffer.alloc(0), deadlineMs, ...trace };
    try {
      return await collectReply(this.bus, call);
    } catch (error) {
      throw organizationFailure(error, route.method);
    }
  }
}

/** A controller with one handler for each of these routes: guard, hooks, 405 and HEAD are those of all routes. */
export function organizationController(routes: readonly OrganizationRoute[]): Type {
  @Controller()
  class OrganizationController extends OrganizationDesk {
    constructor(@Inject(BUS) bus: Bus) {
      super(bus);
    }
  }
  for (const route of routes) addHandler(OrganizationController, route);
  return OrganizationController;
}

function addHandler({ prototype }: { readonly prototype: OrganizationDesk }, route: OrganizationRoute): void {
  const handle = function (this: OrganizationDesk, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    return this.answer(route, request, reply);
  };
  const descriptor: PropertyDescriptor = { value: handle, configurable: true, writable: true };
  Object.defineProperty(prototype, route.id, descriptor);
  verbs[route.method](route.path)(prototype, route.id, descriptor);
  RouteAccess(route.access)(prototype, route.id, descriptor);
  Req()(prototype, route.id, 0);
  Res()(prototype, route.id, 1);
}
