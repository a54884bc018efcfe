import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { endpoints } from '#libs/contracts';
import { isForm, notAForm } from '../uploads/form-boundary.js';
import { BodyIntake } from './body-intake.js';
import { awaitContinue } from './expect-continue.js';
import { type DoorLimits, doorLimits } from './limits.js';
import { newRequestId } from './request-id.js';
import { routableTarget } from './request-target.js';
import { answerClientError } from './socket-errors.js';

/** Routes that take the rest of the path: the only ones where a path may be percent-encoded. */
const wildcards = ['/v1/models/'];

/** Which routes take forms, and whether they take nothing else. */
const formRoutes = new Map(
  endpoints.flatMap(({ path, accepts }) => (accepts.includes('multipart') ? [[path, accepts.length === 1]] : [])),
) as ReadonlyMap<string | undefined, boolean>;

/** Fastify with bounded intake: bodies stay raw bytes, and whatever Node cannot read is answered in JSON too. */
export class IngressHttpAdapter extends FastifyAdapter {
  constructor(readonly limits: DoorLimits) {
    super({
      http: {
        maxHeaderSize: limits.headerBytes,
        headersTimeout: limits.headersMs,
        requestTimeout: limits.formMs,
        connectionsCheckingInterval: limits.checkMs,
        // Checked by us: Node's own answer has no body.
        requireHostHeader: false,
      },
      requestTimeout: limits.formMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxRequestsPerSocket: limits.requestsPerSocket,
      clientErrorHandler: answerClientError,
      genReqId: () => newRequestId(),
      requestIdHeader: false,
      rewriteUrl: (raw: IncomingMessage) => routableTarget(raw, wildcards),
      // No path parameter is ever too long for the router, whose answer would be its own: Node's limit is smaller.
      routerOptions: { maxParamLength: limits.headerBytes + 1 },
      // Nothing here is a middleware, and its matching of paths has had holes.
      skipMiddie: true,
      // Ours has OpenAI's shape.
      return503OnClosing: false,
    });
    this.readRawBodies(new BodyIntake(limits));
  }

  /** Nest would add parsers that hand over objects. */
  override registerParserMiddleware(): void {
    // The raw intake is the only parser.
  }

  private readRawBodies(intake: BodyIntake): void {
    const fastify = this.getInstance();
    fastify.removeAllContentTypeParsers();
    fastify.addContentTypeParser('*', (request, _payload, done) => {
      const onlyForms = formRoutes.get(request.routeOptions.url);
      // A form stays in the socket until its route reads it piece by piece.
      if (request.is404 || (onlyForms !== undefined && isForm(request.headers['content-type']))) done(null, undefined);
      else if (onlyForms) done(notAForm());
      else intake.read(request, done);
    });
    const server = fastify.server as Server;
    server.on('checkContinue', (raw: IncomingMessage, response: ServerResponse) => {
      awaitContinue(raw, response);
      server.emit('request', raw, response);
    });
    // Refused by the door as any other bad header is; Node's own answer has no body.
    server.on('checkExpectation', (raw: IncomingMessage, response: ServerResponse) => {
      server.emit('request', raw, response);
    });
  }
}

export function httpAdapter(limits: Partial<DoorLimits> = {}): IngressHttpAdapter {
  return new IngressHttpAdapter({ ...doorLimits, ...limits });
}
