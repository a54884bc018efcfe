import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { BodyIntake } from './body-intake.js';
import { type DoorLimits, doorLimits } from './limits.js';
import { newRequestId } from './request-id.js';
import { routableTarget } from './request-target.js';
import { answerClientError } from './socket-errors.js';

/** Routes that take the rest of the path: the only ones where a path may be percent-encoded. */
const wildcards = ['/v1/models/'];

/** Fastify with bounded intake: bodies stay raw bytes, and whatever Node cannot read is answered in JSON too. */
export class IngressHttpAdapter extends FastifyAdapter {
  constructor(readonly limits: DoorLimits) {
    super({
      http: {
        maxHeaderSize: limits.headerBytes,
        headersTimeout: limits.headersMs,
        requestTimeout: limits.requestMs,
        connectionsCheckingInterval: limits.checkMs,
        // Checked by us: Node's own answer has no body.
        requireHostHeader: false,
      },
      requestTimeout: limits.requestMs,
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
      if (request.is404) done(null, undefined);
      else intake.read(request, done);
    });
    const server = fastify.server as Server;
    server.on('checkContinue', (raw: IncomingMessage, response: ServerResponse) => {
      intake.expectContinue(raw, response);
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
