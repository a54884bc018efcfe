import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '#libs/contracts';
import { extractTrace, type Logger, tracing } from '#libs/telemetry';
import type { BlockList } from 'node:net';
import { clientAddress } from '../auth/client-address.js';
import { tokenOf } from '../auth/credentials.js';
import type { Identity, KeyAuthenticator } from '../auth/key.authenticator.js';
import { assertAddressAllowed } from '../auth/key-policy.js';
import type { AnswerHeaders } from './answer-headers.js';
import { type CorsPolicy, isPreflight } from './cors-policy.js';
import type { DrainState } from './drain.state.js';
import { headerProblem } from './header-problem.js';
import type { DoorLimits } from './limits.js';
import { RequestRecord } from './request-record.js';
import { pathOf } from './request-target.js';
import type { RouteTable } from './route-table.js';

type Done = (error?: Error) => void;

/** What the door needs of the application. */
export interface DoorParts {
  readonly limits: DoorLimits;
  readonly cors: CorsPolicy;
  readonly drain: DrainState;
  readonly routes: RouteTable;
  readonly authenticator: KeyAuthenticator;
  readonly answerHeaders: AnswerHeaders;
  readonly logger: Logger;
  /** Whose `X-Forwarded-For` is believed; undefined: nobody's. */
  readonly trustedProxies?: BlockList | undefined;
}

/**
 * The hooks around every request, known route or not: record and span first, then headers, preflight, drain, key. All
 * of it before a byte of the body is read.
 */
export class Door {
  constructor(private readonly parts: DoorParts) {}

  install(fastify: FastifyInstance): void {
    fastify.decorateRequest('record', null as unknown as RequestRecord);
    fastify.addHook('onRoute', (route) => this.parts.routes.add(route));
    fastify.addHook('onRequest', (request, reply, done) => this.admit(request, reply, done));
    fastify.addHook('onSend', (request, reply, _payload, done) => {
      this.addHeaders(request, reply);
      done();
    });
  }

  private admit(request: FastifyRequest, reply: FastifyReply, done: Done): void {
    const { drain, limits } = this.parts;
    const isPublic = request.routeOptions.config.public === true;
    this.record(request, reply.raw, isPublic);
    const problem = headerProblem(request.raw, limits);
    if (problem) done(problem);
    else if (isPreflight(request)) reply.code(204).headers(this.parts.cors.preflight(request)).send();
    else if (isPublic) done();
    else if (drain.refusing) done(shuttingDown());
    else this.authenticate(request, done);
  }

  private record(request: FastifyRequest, response: ServerResponse, isPublic: boolean): void {
    const span = tracing.enabled && !isPublic ? startSpan(request) : undefined;
    const record = new RequestRecord(request.id, span, isPublic);
    request.record = record;
    response.once('close', () => {
      const status = response.headersSent ? response.statusCode : undefined;
      record.close(status, response.writableFinished, this.parts.logger);
    });
  }

  private authenticate(request: FastifyRequest, done: Done): void {
    const token = tokenOf(request.headers);
    if (typeof token !== 'string') {
      done(token);
      return;
    }
    let identity: Identity | Promise<Identity>;
    try {
      identity = this.parts.authenticator.authenticate(token);
      if (!(identity instanceof Promise)) this.letIn(request, identity);
    } catch (error) {
      done(error as Error);
      return;
    }
    if (identity instanceof Promise) identity.then((found) => this.letIn(request, found)).then(() => done(), done);
    else done();
  }

  /** Throws for a good key that may not be used from here. */
  private letIn(request: FastifyRequest, identity: Identity): void {
    assertAddressAllowed(identity.policy, clientAddress(request.raw, this.parts.trustedProxies));
    request.record.identity = identity;
  }

  private addHeaders(request: FastifyRequest, reply: FastifyReply): void {
    const headers = this.parts.answerHeaders.of(request);
    for (let index = 0; index < headers.length; index += 2) {
      reply.header(headers[index] as string, headers[index + 1] as string);
    }
  }
}

function startSpan(request: FastifyRequest): ReturnType<typeof tracing.start> {
  const { method } = request;
  const route = request.is404 ? undefined : request.routeOptions.url;
  // Without a route the name must not be the path: anybody could make endless names.
  const name = route === undefined ? method : `${method} ${route}`;
  return tracing.start(name, 'SERVER', extractTrace(request.headers), {
    'http.request.method': method,
    'url.path': pathOf(request.raw.url ?? '/'),
    'url.scheme': 'http',
    ...(route !== undefined && { 'http.route': route }),
  });
}

function shuttingDown(): GatewayError {
  return new GatewayError('server_shutting_down', 'This server is shutting down. Retry: another one will answer.', {
    retryAfterSeconds: 1,
  });
}
